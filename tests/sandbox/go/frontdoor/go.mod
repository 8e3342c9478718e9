module frontdoor

go 1.24
