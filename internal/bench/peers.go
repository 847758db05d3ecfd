package main

// peer is what the published source of another integration says of its calls. None of it is measured here.
type peer struct {
	Name   string
	Falcon string // calls for 1,000 new indicators
	Logs   string // calls for 1,000 records of Mimecast's URL log
	Hashes string // calls for 1,000 hashes to Mimecast
	Source string
}

func peers() []peer {
	return []peer{
		{
			Name:   "Netskope Cloud Exchange",
			Falcon: "5: POSTs of 200 (`DEFAULT_BATCH_SIZE`), after reading the ids of its whole list",
			Logs:   "50: pages of 100 (`PULL_URL_BATCH_SIZE`), and one `decode-url` for each 25 URLs (`MAX_REQUEST_URL`)",
			Hashes: "1: `create-batch` of 1,000 (`PUSH_HASH_BATCH_SIZE`)",
			Source: "netskopeoss/ta_cloud_exchange_plugins on GitHub: `crowdstrike` at cc3746e, `mimecast` at 9b726c2",
		},
		{
			Name:   "OpenCTI",
			Falcon: "2,000: a search and a create for each indicator (`create_indicator`)",
			Logs:   "does not read them",
			Hashes: "does not write them",
			Source: "OpenCTI-Platform/connectors on GitHub: `stream/crowdstrike-endpoint-security` at 0a5f64c",
		},
	}
}
