"""What the cluster is: platform, versions, nodes, pools, Arc, extension, and what AzureML cannot live with."""
