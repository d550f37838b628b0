"""Uploads, and their backups, replicas, receipts and messages."""

import email
import email.policy
import hashlib
import json
import pathlib
import tempfile

from boto3.s3.transfer import TransferConfig

from facts import CheckFailed, equal, eventually, fact, holds

MIB = 1024 * 1024
# A backup needs one or two seconds, and much longer on a machine that compiles at the same time.
TIMEOUT_SECONDS = 240
# The key of an upload without a checksum.
WITHOUT_CHECKSUM = "check/sent without a checksum"


class Upload:
    """An uploaded version, and the expected size and digest of its copies."""

    def __init__(self, key, body, version):
        self.key, self.version, self.size = key, version, len(body)
        self.sha256 = hashlib.sha256(body).hexdigest()


def check(session):
    """Uploads objects of every kind and checks the results."""
    with fact("the ready file has every bucket, and the replica is in another region"):
        for name in ("SourceBucketName", "BackupBucketName", "ReplicaBucketName", "ReceiptBucketName"):
            holds(session.outputs.get(name), f"the output {name} is missing in the ready file")
        holds(session.outputs["ReplicaRegion"] != session.ready["region"], "both regions are the same")
    with fact("CloudFormation describes the stack with the outputs of the ready file"):
        stacks = session.client("cloudformation").describe_stacks(StackName=session.ready["stackName"])["Stacks"]
        equal("the status", stacks[0]["StackStatus"], "CREATE_COMPLETE")
        described = {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}
        equal("the outputs", described, session.outputs)
    uploads = put_files(session)
    executions = wait_for_executions(session, uploads)
    compare_copies(session, uploads)
    compare_attributes(session, uploads)
    read_receipts(session, uploads, executions)
    read_mail(session, uploads)
    newest_is_current(session)
    duplicate_changes_nothing(session, uploads[0], executions)


def put_files(session):
    uploads = []

    def put(key, body, client=session.s3, **attributes):
        answer = client.put_object(Bucket=session.source, Key=key, Body=body, **attributes)
        uploads.append(Upload(key, body, answer["VersionId"]))

    with fact("boto3 uploads a small file with a content type, metadata and tags"):
        put(
            "check/quarterly report.txt",
            b"Numbers.\n" * 100,
            ContentType="text/plain; charset=utf-8",
            CacheControl="max-age=60",
            Metadata={"author": "finance", "project": "a b+c"},
            Tagging="team=finance&keep=7%20years",
        )
    with fact("boto3 uploads an empty file"):
        put("check/empty", b"")
    with fact("boto3 uploads a file without a checksum"):
        put(WITHOUT_CHECKSUM, b"S3 computes one.", client=session.plain_s3)
    for what, key in (
        ("spaces, plus, percent and other special characters", "check/odd  +plus%25 & = ? # ; , ' $ @ ~ !.bin"),
        ("several scripts", "check/Übergröße 日本語 🎉.bin"),
        ("a leading slash", "/check/leading slash"),
        ("two consecutive slashes", "check//twice"),
        ("1,000 bytes", "check/" + "k" * 994),
    ):
        with fact(f"boto3 uploads a key with {what}"):
            put(key, key.encode())
    with fact("boto3 uploads 20 MiB in parts"):
        uploads.append(put_large(session, "check/large.bin"))
    return uploads


def put_large(session, key):
    body = hashlib.shake_256(b"holdfast").digest(20 * MIB)
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        in_parts = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
        session.s3.upload_file(file.name, session.source, key, Config=in_parts)
    head = session.s3.head_object(Bucket=session.source, Key=key, PartNumber=1)
    equal("the number of parts", head.get("PartsCount"), 3)
    return Upload(key, body, head["VersionId"])


def executions_of(session, versions):
    """The executions of these versions, by version, after all have succeeded; otherwise None."""
    pages = session.states.get_paginator("list_executions").paginate(stateMachineArn=session.outputs["StateMachineArn"])
    found = {}
    for page in pages:
        for execution in page["executions"]:
            described = session.states.describe_execution(executionArn=execution["executionArn"])
            version = json.loads(described["input"])["detail"]["object"].get("version-id")
            if version not in versions:
                continue
            if described["status"] not in ("RUNNING", "SUCCEEDED"):
                raise CheckFailed(
                    f"the execution {described['name']} for {versions[version]!r} is {described['status']}: "
                    f"{described.get('error')}: {described.get('cause')}"
                )
            if described["status"] == "SUCCEEDED":
                found.setdefault(version, described)
    return found if len(found) == len(versions) else None


def wait_for_executions(session, uploads):
    with fact(f"each of {len(uploads)} uploads starts an execution, and all succeed"):
        versions = {upload.version: upload.key for upload in uploads}
        return eventually("the success of every execution", TIMEOUT_SECONDS, lambda: executions_of(session, versions))


def states_of(session, execution_arn):
    """The names of the states that an execution entered, in order."""
    pages = session.states.get_paginator("get_execution_history").paginate(executionArn=execution_arn)
    entered = [event.get("stateEnteredEventDetails") for page in pages for event in page["events"]]
    return [details["name"] for details in entered if details]


def copies(session):
    return (
        ("backup", session.s3, session.outputs["BackupBucketName"]),
        ("replica", session.replica_s3, session.outputs["ReplicaBucketName"]),
    )


def compare_copies(session, uploads):
    for name, client, bucket in copies(session):
        with fact(f"the {name} of every upload has the same bytes"):
            for upload in uploads:
                body = client.get_object(Bucket=bucket, Key=upload.key)["Body"].read()
                equal(f"the size of {upload.key!r}", len(body), upload.size)
                equal(f"the SHA-256 of {upload.key!r}", hashlib.sha256(body).hexdigest(), upload.sha256)


def compare_attributes(session, uploads):
    key = uploads[0].key
    for name, client, bucket in copies(session):
        with fact(f"the {name} has the content type, metadata and tags of its source"):
            source = session.s3.head_object(Bucket=session.source, Key=key)
            copy = client.head_object(Bucket=bucket, Key=key)
            for field in ("ContentType", "CacheControl"):
                equal(field, copy.get(field), source[field])
            for field, value in source["Metadata"].items():
                equal(f"the metadata {field}", copy["Metadata"].get(field), value)
            tags = client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
            equal("the tags", {tag["Key"]: tag["Value"] for tag in tags}, {"team": "finance", "keep": "7 years"})


def receipts_of(session):
    prefix = f"{session.outputs['ReceiptPrefix']}{session.source}/"
    bucket = session.outputs["ReceiptBucketName"]
    receipts = {}
    for page in session.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            receipt = json.loads(session.s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
            receipts[receipt["source"].get("versionId")] = receipt
    return receipts


def read_receipts(session, uploads, executions):
    with fact("every upload has a receipt that names its backup, its replica, its execution and equal checksums"):
        receipts = receipts_of(session)
        for upload in uploads:
            holds(upload.version in receipts, f"there is no receipt for {upload.key!r}")
            receipt = receipts[upload.version]
            equal("the key in the receipt", receipt["source"]["key"], upload.key)
            equal("the size in the receipt", receipt["source"]["size"], upload.size)
            for name, client, bucket in copies(session):
                proven = receipt.get(name)
                holds(proven, f"the receipt of {upload.key!r} has no {name}")
                evidence = proven["evidence"]
                equal(f"the {name}'s checksum of {upload.key!r}", evidence["copy"], evidence["source"])
                head = client.head_object(Bucket=bucket, Key=upload.key)
                equal(f"the {name}'s version", proven["stored"]["versionId"], head["VersionId"])
            arn = executions[upload.version]["executionArn"]
            holds(arn in json.dumps(receipt["execution"]), f"the receipt of {upload.key!r} does not name {arn}")
    with fact("the copy of a source with a CRC64NVME of S3 is read back"):
        receipt = next(receipt for receipt in receipts.values() if receipt["source"]["key"] == WITHOUT_CHECKSUM)
        evidence = receipt["backup"]["evidence"]
        proof = (evidence["method"], evidence["algorithm"], evidence["bytesRead"])
        equal("the proof", proof, ("readBack", "CRC64NVME", len("S3 computes one.")))


def message_about(session, text):
    """The message in the outbox with this text, and its file."""
    for path in sorted(pathlib.Path(session.ready["outboxDir"]).glob("*.json")):
        message = json.loads(path.read_text(encoding="utf-8"))
        if text in message["Message"]:
            return message, path
    return None


def read_mail(session, uploads):
    with fact("every upload has a message in the outbox, and an email with the same subject and text"):
        for upload in uploads:
            found = message_about(session, upload.key)
            holds(found, f"no message in {session.ready['outboxDir']} is about {upload.key!r}")
            message, path = found
            equal("the topic", message["TopicArn"], session.outputs["TopicArn"])
            mail = email.message_from_bytes(path.with_suffix(".eml").read_bytes(), policy=email.policy.default)
            equal("the subject of the email", mail["Subject"], message["Subject"])
            text = mail.get_body(("plain",)).get_content()
            holds(upload.key in text, f"the email {path.with_suffix('.eml').name} does not name {upload.key!r}")


def newest_is_current(session):
    key = "check/changed often.txt"
    with fact("of several uploads to one key, the newest is the current backup"):
        versions = {}
        for number in range(4):
            answer = session.s3.put_object(Bucket=session.source, Key=key, Body=f"edition {number}".encode())
            versions[answer["VersionId"]] = key
        eventually("the success of every execution", TIMEOUT_SECONDS, lambda: executions_of(session, versions))
        for name, client, bucket in copies(session):
            body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
            equal(f"the current {name}", body, b"edition 3")


def duplicate_changes_nothing(session, upload, executions):
    with fact("a request for a version that is backed up is skipped and adds no version"):
        versions_before = backup_versions(session, upload.key)
        event = json.loads(executions[upload.version]["input"])
        detail = json.dumps(event["detail"])
        entry = {"Source": "holdfast.check", "DetailType": "Backup Requested", "Detail": detail}
        event_id = session.events.put_events(Entries=[entry])["Entries"][0]["EventId"]
        machine = session.outputs["StateMachineArn"]
        execution = eventually("the execution", TIMEOUT_SECONDS, lambda: execution_by_event(session, machine, event_id))
        found = (execution["status"], execution.get("error"), execution.get("cause"))
        equal("its status", found, ("SUCCEEDED", None, None))
        path = states_of(session, execution["executionArn"])
        equal("its path", path, ["Validate", "Route", "Skipped"])
        equal("the backup's versions", backup_versions(session, upload.key), versions_before)


def backup_versions(session, key):
    listed = session.s3.list_object_versions(Bucket=session.outputs["BackupBucketName"], Prefix=key)
    return [version["VersionId"] for version in listed.get("Versions", []) if version["Key"] == key]


def execution_by_event(session, machine, event_id):
    """The finished execution that an event started. Its name begins with the event ID."""
    pages = session.states.get_paginator("list_executions").paginate(stateMachineArn=machine)
    for page in pages:
        for execution in page["executions"]:
            if execution["status"] != "RUNNING" and event_id in execution["name"]:
                return session.states.describe_execution(executionArn=execution["executionArn"])
    return None
