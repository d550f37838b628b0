"""The product as its users meet it: files go up, and backup, replica, receipt and mail come out."""

import email
import email.policy
import hashlib
import json
import pathlib
import tempfile

from boto3.s3.transfer import TransferConfig

from facts import NotSo, equal, eventually, fact, holds

MIB = 1024 * 1024
# A backup takes a second or two; a machine that also compiles may need far longer.
PATIENCE = 240
# The key of the upload whose checksum S3 computes.
UNCHECKED = "check/sent without a checksum"


class Upload:
    """A version that was uploaded, and what must come back."""

    def __init__(self, key, body, version):
        self.key, self.version, self.size = key, version, len(body)
        self.sha256 = hashlib.sha256(body).hexdigest()


def check(world):
    """Uploads files of every kind and follows each to its end."""
    with fact("the sandbox names every bucket, and the replica's region is another one"):
        for name in ("SourceBucketName", "BackupBucketName", "ReplicaBucketName", "ReceiptBucketName"):
            holds(world.outputs.get(name), f"the output {name} is missing in the ready file")
        holds(world.outputs["ReplicaRegion"] != world.ready["region"], "both regions are the same")
    with fact("CloudFormation describes the stack with the outputs of the ready file"):
        stacks = world.client("cloudformation").describe_stacks(StackName=world.ready["stackName"])["Stacks"]
        equal("the status", stacks[0]["StackStatus"], "CREATE_COMPLETE")
        described = {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}
        equal("the outputs", described, world.outputs)
    uploads = put_files(world)
    executions = wait_for_executions(world, uploads)
    compare_copies(world, uploads)
    compare_attributes(world, uploads)
    read_receipts(world, uploads, executions)
    read_mail(world, uploads)
    newest_stays_newest(world)
    duplicate_changes_nothing(world, uploads[0], executions)


def put_files(world):
    uploads = []

    def put(key, body, client=world.s3, **attributes):
        answer = client.put_object(Bucket=world.source, Key=key, Body=body, **attributes)
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
        put(UNCHECKED, b"S3 computes one.", client=world.plain_s3)
    for what, key in (
        ("spaces, plus, percent and other signs", "check/odd  +plus%25 & = ? # ; , ' $ @ ~ !.bin"),
        ("letters of several scripts", "check/Übergröße 日本語 🎉.bin"),
        ("a slash in front", "/check/leading slash"),
        ("two slashes in a row", "check//twice"),
        ("1,000 bytes", "check/" + "k" * 994),
    ):
        with fact(f"boto3 uploads a key with {what}"):
            put(key, key.encode())
    with fact("boto3 uploads 20 MiB in parts"):
        uploads.append(put_large(world, "check/large.bin"))
    return uploads


def put_large(world, key):
    body = hashlib.shake_256(b"holdfast").digest(20 * MIB)
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        in_parts = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
        world.s3.upload_file(file.name, world.source, key, Config=in_parts)
    head = world.s3.head_object(Bucket=world.source, Key=key, PartNumber=1)
    equal("the number of parts", head.get("PartsCount"), 3)
    return Upload(key, body, head["VersionId"])


def executions_of(world, versions):
    """The executions that the uploads of these versions started, by version, once all of them succeeded."""
    pages = world.states.get_paginator("list_executions").paginate(stateMachineArn=world.outputs["StateMachineArn"])
    found = {}
    for page in pages:
        for execution in page["executions"]:
            described = world.states.describe_execution(executionArn=execution["executionArn"])
            version = json.loads(described["input"])["detail"]["object"].get("version-id")
            if version not in versions:
                continue
            if described["status"] not in ("RUNNING", "SUCCEEDED"):
                raise NotSo(
                    f"the execution {described['name']} for {versions[version]!r} is {described['status']}: "
                    f"{described.get('error')}: {described.get('cause')}"
                )
            if described["status"] == "SUCCEEDED":
                found.setdefault(version, described)
    return found if len(found) == len(versions) else None


def wait_for_executions(world, uploads):
    with fact(f"each of {len(uploads)} uploads starts an execution, and every one succeeds"):
        versions = {upload.version: upload.key for upload in uploads}
        return eventually("the success of every execution", PATIENCE, lambda: executions_of(world, versions))


def states_of(world, execution_arn):
    """The names of the states that an execution entered, in order."""
    pages = world.states.get_paginator("get_execution_history").paginate(executionArn=execution_arn)
    entered = [event.get("stateEnteredEventDetails") for page in pages for event in page["events"]]
    return [details["name"] for details in entered if details]


def copies(world):
    return (
        ("backup", world.s3, world.outputs["BackupBucketName"]),
        ("replica", world.replica_s3, world.outputs["ReplicaBucketName"]),
    )


def compare_copies(world, uploads):
    for name, client, bucket in copies(world):
        with fact(f"the {name} of every upload holds the same bytes"):
            for upload in uploads:
                body = client.get_object(Bucket=bucket, Key=upload.key)["Body"].read()
                equal(f"the size of {upload.key!r}", len(body), upload.size)
                equal(f"the SHA-256 of {upload.key!r}", hashlib.sha256(body).hexdigest(), upload.sha256)


def compare_attributes(world, uploads):
    key = uploads[0].key
    for name, client, bucket in copies(world):
        with fact(f"the {name} has the content type, metadata and tags of its source"):
            source = world.s3.head_object(Bucket=world.source, Key=key)
            copy = client.head_object(Bucket=bucket, Key=key)
            for field in ("ContentType", "CacheControl"):
                equal(field, copy.get(field), source[field])
            for field, value in source["Metadata"].items():
                equal(f"the metadata {field}", copy["Metadata"].get(field), value)
            tags = client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
            equal("the tags", {tag["Key"]: tag["Value"] for tag in tags}, {"team": "finance", "keep": "7 years"})


def receipts_of(world):
    prefix = f"{world.outputs['ReceiptPrefix']}{world.source}/"
    bucket = world.outputs["ReceiptBucketName"]
    receipts = {}
    for page in world.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            receipt = json.loads(world.s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
            receipts[receipt["source"].get("versionId")] = receipt
    return receipts


def read_receipts(world, uploads, executions):
    with fact("every upload has a receipt that names its backup, its replica, its execution and equal checksums"):
        receipts = receipts_of(world)
        for upload in uploads:
            holds(upload.version in receipts, f"there is no receipt for {upload.key!r}")
            receipt = receipts[upload.version]
            equal("the key in the receipt", receipt["source"]["key"], upload.key)
            equal("the size in the receipt", receipt["source"]["size"], upload.size)
            for name, client, bucket in copies(world):
                proven = receipt.get(name)
                holds(proven, f"the receipt of {upload.key!r} has no {name}")
                evidence = proven["evidence"]
                equal(f"the {name}'s checksum of {upload.key!r}", evidence["copy"], evidence["source"])
                head = client.head_object(Bucket=bucket, Key=upload.key)
                equal(f"the {name}'s version", proven["stored"]["versionId"], head["VersionId"])
            arn = executions[upload.version]["executionArn"]
            holds(arn in json.dumps(receipt["execution"]), f"the receipt of {upload.key!r} does not name {arn}")
    with fact("a source that S3 computed a CRC64NVME of is proven by it, without reading a byte"):
        evidence = next(one["backup"]["evidence"] for one in receipts.values() if one["source"]["key"] == UNCHECKED)
        proof = (evidence["method"], evidence["algorithm"], evidence["bytesRead"])
        equal("the proof", proof, ("storedChecksums", "CRC64NVME", 0))


def message_about(world, text):
    """The message in the outbox that has this text, and the file that it lies in."""
    for path in sorted(pathlib.Path(world.ready["outboxDir"]).glob("*.json")):
        message = json.loads(path.read_text(encoding="utf-8"))
        if text in message["Message"]:
            return message, path
    return None


def read_mail(world, uploads):
    with fact("every upload has a message in the outbox, and a mail with the same subject and text"):
        for upload in uploads:
            found = message_about(world, upload.key)
            holds(found, f"no message in {world.ready['outboxDir']} is about {upload.key!r}")
            message, path = found
            equal("the topic", message["TopicArn"], world.outputs["TopicArn"])
            mail = email.message_from_bytes(path.with_suffix(".eml").read_bytes(), policy=email.policy.default)
            equal("the mail's subject", mail["Subject"], message["Subject"])
            text = mail.get_body(("plain",)).get_content()
            holds(upload.key in text, f"the mail {path.with_suffix('.eml').name} does not name {upload.key!r}")


def newest_stays_newest(world):
    key = "check/changed often.txt"
    with fact("of several uploads of one key, the newest is the current backup"):
        versions = {}
        for number in range(4):
            answer = world.s3.put_object(Bucket=world.source, Key=key, Body=f"edition {number}".encode())
            versions[answer["VersionId"]] = key
        eventually("the success of every execution", PATIENCE, lambda: executions_of(world, versions))
        for name, client, bucket in copies(world):
            body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
            equal(f"the current {name}", body, b"edition 3")


def duplicate_changes_nothing(world, upload, executions):
    with fact("asking for the backup of a version that is backed up is skipped, and adds no version"):
        versions_before = backup_versions(world, upload.key)
        event = json.loads(executions[upload.version]["input"])
        detail = json.dumps(event["detail"])
        entry = {"Source": "holdfast.check", "DetailType": "Backup Requested", "Detail": detail}
        event_id = world.events.put_events(Entries=[entry])["Entries"][0]["EventId"]
        machine = world.outputs["StateMachineArn"]
        execution = eventually("the execution", PATIENCE, lambda: execution_by_event(world, machine, event_id))
        found = (execution["status"], execution.get("error"), execution.get("cause"))
        equal("its status", found, ("SUCCEEDED", None, None))
        path = states_of(world, execution["executionArn"])
        equal("its path", path, ["Validate", "Route", "Skipped"])
        equal("the backup's versions", backup_versions(world, upload.key), versions_before)


def backup_versions(world, key):
    listed = world.s3.list_object_versions(Bucket=world.outputs["BackupBucketName"], Prefix=key)
    return [version["VersionId"] for version in listed.get("Versions", []) if version["Key"] == key]


def execution_by_event(world, machine, event_id):
    """The finished execution of a machine that an event started: the event's id is the first half of its name."""
    pages = world.states.get_paginator("list_executions").paginate(stateMachineArn=machine)
    for page in pages:
        for execution in page["executions"]:
            if execution["status"] != "RUNNING" and event_id in execution["name"]:
                return world.states.describe_execution(executionArn=execution["executionArn"])
    return None
