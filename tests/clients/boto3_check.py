"""Drives `holdfast up` from outside with boto3: the product as its users meet it, and every call they may make.

    holdfast up --ready-file ready.json --set MULTIPART_THRESHOLD=8388608
    python tests/clients/boto3_check.py ready.json

Prints one line for each fact that holds. The first that does not ends it with a sentence and exit code 1.
"""

import json
import pathlib
import sys

import boto3
from botocore.config import Config

import backups
import management
import redrive


class World:
    """The sandbox, by its ready file, and clients for it."""

    def __init__(self, ready):
        self.ready = ready
        self.outputs = ready["outputs"]
        self.source = self.outputs["SourceBucketName"]
        self.s3 = self.client("s3")
        # Sends no checksum, as older SDKs do: S3 then computes a CRC64NVME. Others send a CRC32, and S3 keeps that.
        self.plain_s3 = self.client("s3", request_checksum_calculation="when_required")
        self.replica_s3 = self.client("s3", region_name=self.outputs["ReplicaRegion"])
        self.states = self.client("stepfunctions")
        self.events = self.client("events")

    def client(self, service, request_checksum_calculation="when_supported", **other):
        """A client of a service; what is given replaces what the ready file says."""
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
        world = World(json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"{sys.argv[1]} is not the ready file of a sandbox that serves: {type(error).__name__}: {error}")
    management.check(world)
    backups.check(world)
    redrive.check(world)
    print("boto3 finds everything as it should be.")


if __name__ == "__main__":
    main()
