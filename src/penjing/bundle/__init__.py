"""Bundles: what `fit` hands back. Using one never imports torch."""

from penjing.bundle.manifest import Golden, Manifest, Origin, Outputs
from penjing.bundle.read import Bundle, Prediction, check_files, load, read_manifest
from penjing.bundle.verify import VerifyReport, verify
from penjing.bundle.write import write_bundle

__all__ = [
    "Bundle",
    "Golden",
    "Manifest",
    "Origin",
    "Outputs",
    "Prediction",
    "VerifyReport",
    "check_files",
    "load",
    "read_manifest",
    "verify",
    "write_bundle",
]
