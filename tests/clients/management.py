"""The calls that drive the sandbox from outside, so that any machine, rule, topic or bucket can be tried on it."""

import json
import uuid

from backups import execution_by_event, message_about
from facts import equal, eventually, fact, holds, refused

ROLE = "arn:aws:iam::000000000000:role/holdfast-check"
# Makes names of this run unlike those of any other on the same data.
RUN = uuid.uuid4().hex[:8]


def check(world):
    """Tries the services one by one."""
    identity(world)
    buckets(world)
    machine = state_machines(world)
    rules(world, machine)
    with fact("a state machine is gone after it is deleted"):
        world.states.delete_state_machine(stateMachineArn=machine)
        equal("its listing", machine in machine_arns(world), False)
        refused("StateMachineDoesNotExist", world.states.start_execution, stateMachineArn=machine, input="{}")
    topics(world)
    functions(world)
    unknown_calls(world)


def identity(world):
    with fact("STS says who calls"):
        caller = world.client("sts").get_caller_identity()
        holds(caller["Account"].isdigit() and len(caller["Account"]) == 12, f"the account is {caller['Account']!r}")
        holds(f":{caller['Account']}:" in caller["Arn"], f"the ARN {caller['Arn']} is of another account")
    with fact("a request signed with a wrong secret is refused"):
        stranger = world.client("s3", aws_secret_access_key="not-the-secret")
        refused("SignatureDoesNotMatch", stranger.list_objects_v2, Bucket=world.source)


def buckets(world):
    bucket, s3 = f"holdfast-check-{RUN}", world.s3
    with fact("a bucket can be made, found and versioned"):
        where = {"LocationConstraint": world.ready["region"]}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        s3.head_bucket(Bucket=bucket)
        holds(bucket in [one["Name"] for one in s3.list_buckets()["Buckets"]], "list_buckets does not have it")
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        equal("its versioning", s3.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
    with fact("every version of an object is listed and can be read, and a deletion leaves a marker"):
        first = s3.put_object(Bucket=bucket, Key="a b", Body=b"one")["VersionId"]
        second = s3.put_object(Bucket=bucket, Key="a b", Body=b"two!")["VersionId"]
        marker = s3.delete_object(Bucket=bucket, Key="a b")
        equal("DeleteMarker", marker["DeleteMarker"], True)
        listed = s3.list_object_versions(Bucket=bucket)
        equal("the versions", [one["VersionId"] for one in listed["Versions"]], [second, first])
        equal("the markers", [one["VersionId"] for one in listed["DeleteMarkers"]], [marker["VersionId"]])
        equal("the first", s3.get_object(Bucket=bucket, Key="a b", VersionId=first)["Body"].read(), b"one")
        part = s3.get_object(Bucket=bucket, Key="a b", VersionId=second, Range="bytes=1-2")
        equal("a range", (part["Body"].read(), part["ContentRange"]), (b"wo", "bytes 1-2/4"))
        whole = s3.get_object(Bucket=bucket, Key="a b", VersionId=second, Range="bytes=2-1")
        equal("a range that is none", (whole["Body"].read(), "ContentRange" in whole), (b"two!", False))
        refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="a b")
    with fact("tags are kept, and a checksum is computed where the client sends none"):
        world.plain_s3.put_object(Bucket=bucket, Key="tagged", Body=b"123456789")
        tags = [{"Key": "k", "Value": "v w"}]
        s3.put_object_tagging(Bucket=bucket, Key="tagged", Tagging={"TagSet": tags})
        equal("the tags", s3.get_object_tagging(Bucket=bucket, Key="tagged")["TagSet"], tags)
        wanted = ["ETag", "Checksum", "ObjectSize", "StorageClass"]
        attributes = s3.get_object_attributes(Bucket=bucket, Key="tagged", ObjectAttributes=wanted)
        equal("the size", attributes["ObjectSize"], 9)
        # The check value of CRC-64/NVME, ae8b14860a799888, in Base64.
        equal("the CRC64NVME", attributes["Checksum"]["ChecksumCRC64NVME"], "rosUhgp5mIg=")
    with fact("an archived object is restored"):
        s3.put_object(Bucket=bucket, Key="cold", Body=b"x", StorageClass="GLACIER")
        wanted = {"Days": 1, "GlacierJobParameters": {"Tier": "Bulk"}}
        answer = s3.restore_object(Bucket=bucket, Key="cold", RestoreRequest=wanted)
        equal("the status", answer["ResponseMetadata"]["HTTPStatusCode"], 202)
        equal("its progress", s3.head_object(Bucket=bucket, Key="cold")["Restore"], 'ongoing-request="true"')
    with fact("a write on condition that nothing is there is refused where something is"):
        refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="tagged", Body=b"x", IfNoneMatch="*")
    with fact("a bucket is gone after its last version and itself are deleted"):
        refused("BucketNotEmpty", s3.delete_bucket, Bucket=bucket)
        listed = s3.list_object_versions(Bucket=bucket)
        for one in listed.get("Versions", []) + listed.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
        s3.delete_bucket(Bucket=bucket)
        refused("404", s3.head_bucket, Bucket=bucket)


def machine_arns(world):
    pages = world.states.get_paginator("list_state_machines").paginate()
    return [one["stateMachineArn"] for page in pages for one in page["stateMachines"]]


def definition(word):
    """A machine of one Pass state that greets whoever its input or its event names."""
    who = "$states.input.who ? $states.input.who : $states.input.detail.who"
    greet = {"Type": "Pass", "Output": {"said": f"{{% '{word} ' & ({who}) %}}"}, "End": True}
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": "Greet", "States": {"Greet": greet}})


def finished(world, arn):
    described = world.states.describe_execution(executionArn=arn)
    return described if described["status"] != "RUNNING" else None


def run(world, machine, who):
    started = world.states.start_execution(stateMachineArn=machine, input=json.dumps({"who": who}))
    arn = started["executionArn"]
    described = eventually("its end", 30, lambda: finished(world, arn))
    equal("its status", (described["status"], described.get("cause")), ("SUCCEEDED", None))
    return arn, json.loads(described["output"])["said"]


def state_machines(world):
    states = world.states
    with fact("a state machine of one's own can be made and is listed"):
        name = f"greeter-{RUN}"
        made = states.create_state_machine(name=name, definition=definition("hello"), roleArn=ROLE)
        machine = made["stateMachineArn"]
        holds(machine in machine_arns(world), "list_state_machines does not have it")
        equal("its name", states.describe_state_machine(stateMachineArn=machine)["name"], name)
    with fact("it runs, and its history tells every step"):
        arn, said = run(world, machine, "Ann")
        equal("its output", said, "hello Ann")
        events = states.get_execution_history(executionArn=arn)["events"]
        steps = ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
        equal("its history", [event["type"] for event in events], steps)
    with fact("after an update it runs by its new definition"):
        states.update_state_machine(stateMachineArn=machine, definition=definition("goodbye"))
        equal("its output", run(world, machine, "Bob")[1], "goodbye Bob")
    with fact("a definition that is no state machine is refused"):
        refused("InvalidDefinition", states.create_state_machine, name=f"x-{RUN}", definition="{}", roleArn=ROLE)
    return machine


def send(world, source, who):
    """Puts an event and gives back its id."""
    entry = {"Source": source, "DetailType": "Greeting", "Detail": json.dumps({"who": who})}
    answer = world.events.put_events(Entries=[entry])
    equal("FailedEntryCount", answer["FailedEntryCount"], 0)
    return answer["Entries"][0]["EventId"]


def greeting(world, machine, event_id):
    described = execution_by_event(world, machine, event_id)
    return json.loads(described["output"])["said"] if described else None


def rules(world, machine):
    events, rule, source = world.events, f"greetings-{RUN}", f"holdfast.check.{RUN}"
    pattern = json.dumps({"source": [source], "detail": {"who": [{"anything-but": "nobody"}]}})
    with fact("a rule can be put, aimed at a machine, and is listed"):
        events.put_rule(Name=rule, EventPattern=pattern, Description="greets")
        target = {"Id": "greeter", "Arn": machine, "RoleArn": ROLE}
        equal("FailedEntryCount", events.put_targets(Rule=rule, Targets=[target])["FailedEntryCount"], 0)
        listed = events.list_rules(NamePrefix=rule)["Rules"]
        equal("the listing", [(one["Name"], one["State"]) for one in listed], [(rule, "ENABLED")])
        equal("the targets", events.list_targets_by_rule(Rule=rule)["Targets"], [target])
    with fact("an event that matches starts the machine"):
        event = send(world, source, "Cleo")
        said = eventually("the execution", 30, lambda: greeting(world, machine, event))
        equal("its output", said, "goodbye Cleo")
    with fact("an event that does not match, or comes while the rule is disabled, starts nothing"):
        unwanted = [send(world, source, "nobody")]
        events.disable_rule(Name=rule)
        equal("its state", events.describe_rule(Name=rule)["State"], "DISABLED")
        unwanted.append(send(world, source, "Dora"))
        events.enable_rule(Name=rule)
        wanted = send(world, source, "Emil")
        eventually("the execution after it is enabled", 30, lambda: greeting(world, machine, wanted))
        for event in unwanted:
            equal("an execution for an unwanted event", greeting(world, machine, event), None)
    with fact("an invalid pattern is refused"):
        refused("InvalidEventPatternException", events.put_rule, Name=rule, EventPattern='{"source": "aws.s3"}')
    with fact("a rule is gone after its targets and itself are removed"):
        refused("ValidationException", events.delete_rule, Name=rule)
        events.remove_targets(Rule=rule, Ids=["greeter"])
        events.delete_rule(Name=rule)
        refused("ResourceNotFoundException", events.describe_rule, Name=rule)


def topics(world):
    sns, text = world.client("sns"), f"Message {RUN}: a+b & <c>\nüber 🎉"
    with fact("a topic can be made, subscribed to by mail, and is listed"):
        topic = sns.create_topic(Name=f"check-{RUN}", Attributes={"DisplayName": "Check"})["TopicArn"]
        pages = sns.get_paginator("list_topics").paginate()
        holds(topic in [one["TopicArn"] for page in pages for one in page["Topics"]], "list_topics does not have it")
        policy = {"FilterPolicy": json.dumps({"kind": ["test"]})}
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="check@example.com", Attributes=policy)
        listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        equal("the endpoints", [one["Endpoint"] for one in listed], ["check@example.com"])
    with fact("a message lies in the outbox as it was published"):
        attributes = {"kind": {"DataType": "String", "StringValue": "test"}}
        sent = sns.publish(TopicArn=topic, Subject="Check", Message=text, MessageAttributes=attributes)
        found = message_about(world, text)
        holds(found, f"{world.ready['outboxDir']} does not have it")
        equal("the message id", found[0]["MessageId"], sent["MessageId"])
        mail = found[1].with_suffix(".eml").read_text(encoding="utf-8")
        holds("check@example.com" in mail, "the mail is to somebody else")
    with fact("a topic is gone after it is deleted"):
        sns.delete_topic(TopicArn=topic)
        refused("NotFound", sns.publish, TopicArn=topic, Message="x")


def functions(world):
    functions = world.client("lambda")
    with fact("the six functions are listed"):
        pages = functions.get_paginator("list_functions").paginate()
        names = [one["FunctionName"] for page in pages for one in page["Functions"]]
        equal("their number", len(names), 6)
    name = next(name for name in names if "validate" in name.lower())
    with fact("a function can be looked at, and its timeout changed"):
        before = functions.get_function(FunctionName=name)["Configuration"]["Timeout"]
        changed = functions.update_function_configuration(FunctionName=name, Timeout=before + 1)
        equal("the answer", changed["Timeout"], before + 1)
        found = functions.get_function(FunctionName=name)["Configuration"]["Timeout"]
        equal("the timeout", found, before + 1)
        functions.update_function_configuration(FunctionName=name, Timeout=before)
    with fact("a function that is invoked with an event that is none fails by name"):
        answer = functions.invoke(FunctionName=name, Payload=json.dumps({"event": {"detail": 7}}).encode())
        payload = json.loads(answer["Payload"].read())
        equal("the failure", (answer.get("FunctionError"), payload.get("errorType")), ("Unhandled", "Input.Invalid"))
    with fact("a function that does not exist is not found"):
        refused("ResourceNotFoundException", functions.get_function, FunctionName=f"none-{RUN}")


def unknown_calls(world):
    with fact("a call that the sandbox does not have is refused by name"):
        refused("UnknownOperationException", world.states.list_activities)
        refused("UnknownOperationException", world.events.list_archives)
        refused("InvalidAction", world.client("sns").list_platform_applications)
