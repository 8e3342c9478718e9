"""A stand-in for the extension's definition of InstanceType: its group, version and scope, and no schema of its own."""

from __future__ import annotations

from typing import Any

NAME = "instancetypes.amlarc.azureml.com"
PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": NAME},
    "spec": {
        "group": "amlarc.azureml.com",
        "names": {"kind": "InstanceType", "listKind": "InstanceTypeList", "plural": "instancetypes", "singular": "instancetype"},
        "scope": "Cluster",
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
