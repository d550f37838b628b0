"""What failed for a cause outside is finished by a redrive once the cause is gone, and nothing is done twice."""

import hashlib
import json
import urllib.request

from backups import MIB, PATIENCE, backup_versions, executions_of, receipts_of, states_of
from facts import equal, eventually, fact, holds

# The smallest part that S3 takes (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
PART = 5 * MIB
PARTS = 8
# The part that cannot be copied.
BAD = 7


def check(world):
    """Lets two executions fail, and redrives each."""
    without_a_topic(world)
    with_a_part_that_cannot_be_copied(world)


def without_a_topic(world):
    key, sns = "redrive/told later.txt", world.client("sns")
    topic = world.outputs["TopicArn"]
    with fact("without its topic an execution fails in Notify, and says so"):
        sns.delete_topic(TopicArn=topic)
        version = world.s3.put_object(Bucket=world.source, Key=key, Body=b"told later")["VersionId"]
        failed = eventually("its failure", PATIENCE, lambda: failure_of(world, version))
        equal("the error", failed["error"], "Topic.NotFound")
        path = states_of(world, failed["executionArn"])
        equal("the last state", path[-1], "Notify")
    with fact("once the topic is there, a redrive succeeds and enters no state again"):
        made = sns.create_topic(Name=topic.rsplit(":", 1)[1])["TopicArn"]
        equal("the topic", made, topic)
        redrive(world, failed, version)
        equal("its path", states_of(world, failed["executionArn"]), path)
    with fact("it leaves one receipt and one version of the backup"):
        once(world, key)


def with_a_part_that_cannot_be_copied(world):
    key, backup = "redrive/large.bin", world.outputs["BackupBucketName"]
    copies = {"operation": "UploadPartCopy", "bucket": backup, "key": key}
    # They only count.
    nothing = {"latency": {"millis": 0}}
    counting = {part: add_fault(world, copies | {"part": part}, nothing) for part in range(1, PARTS + 1)}
    with fact(f"a fault on part {BAD} of {PARTS} fails the execution while it copies the parts"):
        fault = add_fault(world, copies | {"part": BAD}, {"error": {"code": "AccessDenied"}})
        body = hashlib.shake_256(b"redrive").digest(PARTS * PART)
        version = put_in_parts(world, key, body)
        failed = eventually("its failure", PATIENCE, lambda: failure_of(world, version))
        equal("the error", failed["error"], "Destination.Denied")
        path = states_of(world, failed["executionArn"])
        holds("CopyParts" in path and "CompleteUpload" not in path, f"its path is {path}")
    with fact("its upload is kept, with every part but that one"):
        others = [part for part in range(1, PARTS + 1) if part != BAD]
        eventually(f"the copy of the parts {others}", PATIENCE, lambda: parts_there(world, key) == others)
        equal("the backup's versions", backup_versions(world, key), [])
    with fact(f"once the fault is lifted, a redrive succeeds and copies part {BAD} alone"):
        before = counts(world, counting)
        remove_fault(world, fault)
        redrive(world, failed, version)
        after = counts(world, counting)
        copied = {part: after[part] - before[part] for part in counting if after[part] != before[part]}
        equal("the parts that were copied, and how often", copied, {BAD: 1})
        for rule in counting.values():
            remove_fault(world, rule)
    with fact("the backup holds the same bytes, in one version with one receipt"):
        stored = world.s3.get_object(Bucket=backup, Key=key)["Body"].read()
        equal("its SHA-256", hashlib.sha256(stored).hexdigest(), hashlib.sha256(body).hexdigest())
        once(world, key)
        equal("its open uploads", uploads_of(world, key), [])


def failure_of(world, version):
    """The failed execution that the upload of this version started."""
    pages = world.states.get_paginator("list_executions").paginate(
        stateMachineArn=world.outputs["StateMachineArn"], statusFilter="FAILED"
    )
    for page in pages:
        for execution in page["executions"]:
            described = world.states.describe_execution(executionArn=execution["executionArn"])
            if json.loads(described["input"])["detail"]["object"].get("version-id") == version:
                return described
    return None


def redrive(world, failed, version):
    """Redrives an execution and waits for its success."""
    arn = failed["executionArn"]
    world.states.redrive_execution(executionArn=arn)
    found = eventually("the success of the redrive", PATIENCE, lambda: executions_of(world, {version: arn}))
    equal("the execution", (found[version]["executionArn"], found[version]["redriveCount"]), (arn, 1))


def once(world, key):
    """A key of one upload has one receipt, and one version of its backup, which the receipt names."""
    receipts = [receipt for receipt in receipts_of(world).values() if receipt["source"]["key"] == key]
    equal("the number of receipts", len(receipts), 1)
    equal("the backup's versions", backup_versions(world, key), [receipts[0]["backup"]["stored"]["versionId"]])


def put_in_parts(world, key, body):
    place = {"Bucket": world.source, "Key": key}
    upload = world.s3.create_multipart_upload(**place)["UploadId"]
    parts = []
    for number in range(1, PARTS + 1):
        part = body[(number - 1) * PART : number * PART]
        tag = world.s3.upload_part(**place, UploadId=upload, PartNumber=number, Body=part)["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    done = world.s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})
    return done["VersionId"]


def uploads_of(world, key):
    """The ids of the open uploads of a key in the backup bucket."""
    listed = world.s3.list_multipart_uploads(Bucket=world.outputs["BackupBucketName"], Prefix=key)
    return [upload["UploadId"] for upload in listed.get("Uploads", [])]


def parts_there(world, key):
    """The numbers of the parts that the one open upload of a key has."""
    uploads = uploads_of(world, key)
    equal("the number of open uploads", len(uploads), 1)
    listed = world.s3.list_parts(Bucket=world.outputs["BackupBucketName"], Key=key, UploadId=uploads[0])
    return [part["PartNumber"] for part in listed.get("Parts", [])]


def faults(world, method, path="", body=None):
    """Asks the sandbox's endpoint for fault rules, which sandbox/docs/faults.md describes."""
    data = None if body is None else json.dumps(body).encode()
    url = f"{world.ready['endpointUrl']}/_sandbox/faults{path}"
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def add_fault(world, match, effect):
    return faults(world, "POST", body={"match": match, "effect": effect})["id"]


def remove_fault(world, rule):
    equal("the rules removed", faults(world, "DELETE", f"/{rule}"), {"removed": 1})


def counts(world, counting):
    """How many calls each of these rules was about so far."""
    matched = {rule["id"]: rule["matched"] for rule in faults(world, "GET")["faults"]}
    return {part: matched[rule] for part, rule in counting.items()}
