"""Tests `holdfast up` with boto3: uploads and their backups, and every call of the sandbox.

    holdfast up --ready-file ready.json --set MULTIPART_THRESHOLD=8388608
    python tests/clients/boto3_check.py ready.json

Prints one line for each fact that is true. The first one that is false ends the program with a message and exit code 1.
"""

import json
import pathlib
import sys

import boto3
from botocore.config import Config

import backups
import management
import redrive


class Session:
    """A sandbox, found by its ready file, and clients for it."""

    def __init__(self, ready):
        self.ready = ready
        self.outputs = ready["outputs"]
        self.source = self.outputs["SourceBucketName"]
        self.s3 = self.client("s3")
        # Sends no checksum, as older SDKs, so S3 computes a CRC64NVME. Newer SDKs send a CRC32, which S3 keeps.
        self.plain_s3 = self.client("s3", request_checksum_calculation="when_required")
        self.replica_s3 = self.client("s3", region_name=self.outputs["ReplicaRegion"])
        self.states = self.client("stepfunctions")
        self.events = self.client("events")

    def client(self, service, request_checksum_calculation="when_supported", **other):
        """A client of a service. The arguments replace the values of the ready file."""
        config = Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 2},
            request_checksum_calculation=request_checksum_calculation,
        )
        settings = {
            "endpoint_url": self.ready["endpointUrl"],
            "region_name": self.ready["region"],
            "aws_access_key_id": self.ready["accessKeyId"],
            "aws_secret_access_key": self.ready["secretAccessKey"],
            "config": config,
        }
        return boto3.client(service, **(settings | other))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: boto3_check.py READY_FILE, the file that holdfast up --ready-file writes")
    try:
        session = Session(json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"{sys.argv[1]} is not a ready file of a running sandbox: {type(error).__name__}: {error}")
    management.check(session)
    backups.check(session)
    redrive.check(session)
    print("All facts are true.")


if __name__ == "__main__":
    main()
