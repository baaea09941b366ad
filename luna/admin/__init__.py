"""The control plane's JSON API, one file per subject. Not routable: dispatched before `routes.yaml`."""
