"""A redrive finishes a failed execution after its cause is fixed, and nothing is done twice."""

import hashlib
import json
import urllib.request

from backups import MIB, TIMEOUT_SECONDS, backup_versions, executions_of, receipts_of, states_of
from facts import equal, eventually, fact, holds

# The smallest part in S3 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
PART = 5 * MIB
PARTS = 8
# The part whose copy fails.
FAILING_PART = 7


def check(session):
    """Makes two executions fail, and redrives each."""
    without_a_topic(session)
    with_a_failing_part(session)


def without_a_topic(session):
    key, sns = "redrive/told later.txt", session.client("sns")
    topic = session.outputs["TopicArn"]
    with fact("without its topic an execution fails in Notify with Topic.NotFound"):
        sns.delete_topic(TopicArn=topic)
        version = session.s3.put_object(Bucket=session.source, Key=key, Body=b"told later")["VersionId"]
        failed = eventually("its failure", TIMEOUT_SECONDS, lambda: failure_of(session, version))
        equal("the error", failed["error"], "Topic.NotFound")
        path = states_of(session, failed["executionArn"])
        equal("the last state", path[-1], "Notify")
    with fact("after the topic is created again, a redrive succeeds and enters no state again"):
        made = sns.create_topic(Name=topic.rsplit(":", 1)[1])["TopicArn"]
        equal("the topic", made, topic)
        redrive(session, failed, version)
        equal("its path", states_of(session, failed["executionArn"]), path)
    with fact("there are one receipt and one version of the backup"):
        check_single_backup(session, key)


def with_a_failing_part(session):
    key, backup = "redrive/large.bin", session.outputs["BackupBucketName"]
    copies = {"operation": "UploadPartCopy", "bucket": backup, "key": key}
    # Rules without effect count the calls.
    no_effect = {"latency": {"millis": 0}}
    counting = {part: add_fault(session, copies | {"part": part}, no_effect) for part in range(1, PARTS + 1)}
    with fact(f"a fault on part {FAILING_PART} of {PARTS} fails the execution while it copies parts"):
        fault = add_fault(session, copies | {"part": FAILING_PART}, {"error": {"code": "AccessDenied"}})
        body = hashlib.shake_256(b"redrive").digest(PARTS * PART)
        version = put_in_parts(session, key, body)
        failed = eventually("its failure", TIMEOUT_SECONDS, lambda: failure_of(session, version))
        equal("the error", failed["error"], "Destination.Denied")
        path = states_of(session, failed["executionArn"])
        holds("CopyParts" in path and "CompleteUpload" not in path, f"its path is {path}")
    with fact("its upload stays open with all other parts"):
        others = [part for part in range(1, PARTS + 1) if part != FAILING_PART]
        eventually(f"the copy of the parts {others}", TIMEOUT_SECONDS, lambda: copied_parts(session, key) == others)
        equal("the backup's versions", backup_versions(session, key), [])
    with fact(f"after the fault is removed, a redrive succeeds and copies only part {FAILING_PART}"):
        before = counts(session, counting)
        remove_fault(session, fault)
        redrive(session, failed, version)
        after = counts(session, counting)
        copied = {part: after[part] - before[part] for part in counting if after[part] != before[part]}
        equal("the copies by part", copied, {FAILING_PART: 1})
        for rule in counting.values():
            remove_fault(session, rule)
    with fact("the backup has the same bytes, one version and one receipt"):
        stored = session.s3.get_object(Bucket=backup, Key=key)["Body"].read()
        equal("its SHA-256", hashlib.sha256(stored).hexdigest(), hashlib.sha256(body).hexdigest())
        check_single_backup(session, key)
        equal("its open uploads", uploads_of(session, key), [])


def failure_of(session, version):
    """The failed execution that the upload of this version started."""
    pages = session.states.get_paginator("list_executions").paginate(
        stateMachineArn=session.outputs["StateMachineArn"], statusFilter="FAILED"
    )
    for page in pages:
        for execution in page["executions"]:
            described = session.states.describe_execution(executionArn=execution["executionArn"])
            if json.loads(described["input"])["detail"]["object"].get("version-id") == version:
                return described
    return None


def redrive(session, failed, version):
    """Redrives an execution and waits for its success."""
    arn = failed["executionArn"]
    session.states.redrive_execution(executionArn=arn)
    found = eventually("the success of the redrive", TIMEOUT_SECONDS, lambda: executions_of(session, {version: arn}))
    equal("the execution", (found[version]["executionArn"], found[version]["redriveCount"]), (arn, 1))


def check_single_backup(session, key):
    """A key has one receipt and one version of its backup, which the receipt names."""
    receipts = [receipt for receipt in receipts_of(session).values() if receipt["source"]["key"] == key]
    equal("the number of receipts", len(receipts), 1)
    equal("the backup's versions", backup_versions(session, key), [receipts[0]["backup"]["stored"]["versionId"]])


def put_in_parts(session, key, body):
    place = {"Bucket": session.source, "Key": key}
    upload = session.s3.create_multipart_upload(**place)["UploadId"]
    parts = []
    for number in range(1, PARTS + 1):
        part = body[(number - 1) * PART : number * PART]
        tag = session.s3.upload_part(**place, UploadId=upload, PartNumber=number, Body=part)["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    done = session.s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})
    return done["VersionId"]


def uploads_of(session, key):
    """The IDs of the open uploads of a key in the backup bucket."""
    listed = session.s3.list_multipart_uploads(Bucket=session.outputs["BackupBucketName"], Prefix=key)
    return [upload["UploadId"] for upload in listed.get("Uploads", [])]


def copied_parts(session, key):
    """The part numbers of the only open upload of a key."""
    uploads = uploads_of(session, key)
    equal("the number of open uploads", len(uploads), 1)
    listed = session.s3.list_parts(Bucket=session.outputs["BackupBucketName"], Key=key, UploadId=uploads[0])
    return [part["PartNumber"] for part in listed.get("Parts", [])]


def faults(session, method, path="", body=None):
    """Sends a request for fault rules to the sandbox (see sandbox/docs/faults.md)."""
    data = None if body is None else json.dumps(body).encode()
    url = f"{session.ready['endpointUrl']}/_sandbox/faults{path}"
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def add_fault(session, match, effect):
    return faults(session, "POST", body={"match": match, "effect": effect})["id"]


def remove_fault(session, rule):
    equal("the rules removed", faults(session, "DELETE", f"/{rule}"), {"removed": 1})


def counts(session, counting):
    """The number of calls that matched each of these rules."""
    matched = {rule["id"]: rule["matched"] for rule in faults(session, "GET")["faults"]}
    return {part: matched[rule] for part, rule in counting.items()}
