//! SNS through its API: with aws-sdk-sns over HTTP if the encoding matters, and with forms otherwise.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use aws_sdk_sns::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    error::ProvideErrorMetadata,
    primitives::Blob,
    types::{MessageAttributeValue, PublishBatchRequestEntry},
};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use serde_json::{Value, json};

use super::{DEFAULT_RECIPIENT, NAMESPACE, Sns};
use sandbox_core::{ports::ApiError, query, store::Store};

struct Fixture {
    sns: Arc<Sns>,
    store: Arc<Store>,
    outbox: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let store = Arc::new(Store::in_memory().unwrap());
    let outbox = tempfile::tempdir().unwrap();
    let sns = Sns::new(store.clone(), outbox.path().join("outbox"), "eu-west-1").unwrap();
    Fixture { sns: Arc::new(sns), store, outbox }
}

impl Fixture {
    async fn call(&self, operation: &str, fields: &[(&str, &str)]) -> Result<String, ApiError> {
        let form: BTreeMap<_, _> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.sns.handle(operation, form).await
    }

    /// A topic named `news`.
    async fn topic(&self) -> &'static str {
        self.call("CreateTopic", &[("Name", "news")]).await.unwrap();
        "arn:aws:sns:eu-west-1:000000000000:news"
    }

    async fn subscribe(&self, protocol: &str, endpoint: &str, policy: &[(&str, &str)]) {
        let mut fields = vec![("TopicArn", self.topic().await), ("Protocol", protocol), ("Endpoint", endpoint)];
        fields.extend(policy);
        self.call("Subscribe", &fields).await.unwrap();
    }

    fn client(&self) -> Client {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        tokio::spawn(serve(tokio::net::TcpListener::from_std(listener).unwrap(), self.sns.clone()));
        let config = aws_sdk_sns::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-west-1"))
            .endpoint_url(endpoint)
            .credentials_provider(Credentials::new("AKIAEXAMPLE", "secret", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Client::from_conf(config)
    }

    /// The mails of the outbox in the order of their names.
    fn mails(&self) -> Vec<String> {
        let mut files: Vec<_> =
            std::fs::read_dir(self.sns.outbox()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
        files.sort();
        files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }
}

async fn serve(listener: tokio::net::TcpListener, sns: Arc<Sns>) {
    while let Ok((stream, _)) = listener.accept().await {
        let sns = sns.clone();
        let service = service_fn(move |request| answer(sns.clone(), request));
        let connection = hyper::server::conn::http1::Builder::new();
        tokio::spawn(connection.serve_connection(hyper_util::rt::TokioIo::new(stream), service));
    }
}

async fn answer(sns: Arc<Sns>, request: Request<Incoming>) -> Result<Response<Full<bytes::Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let form = query::decode_form(&body);
    let operation = form["Action"].clone();
    let (status, xml) = match sns.handle(&operation, form).await {
        Ok(result) => (200, query::response(NAMESPACE, &operation, &result, "request-1")),
        Err(error) => (error.status, query::error(NAMESPACE, &error, "request-1")),
    };
    Ok(Response::builder().status(status).body(Full::from(xml)).unwrap())
}

fn attribute(data_type: &str, value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder().data_type(data_type).string_value(value).build().unwrap()
}

#[tokio::test]
async fn a_published_message_is_in_the_outbox_unchanged() {
    let fixture = fixture();
    let client = fixture.client();
    let topic = client.create_topic().name("news").attributes("DisplayName", "Smith & Sons").send().await.unwrap();
    let topic = topic.topic_arn().unwrap();
    let text = "Backed up a+b & <c> = 100%\nünïcode 🎉\n\n{\"a\": 1}";
    let binary =
        MessageAttributeValue::builder().data_type("Binary").binary_value(Blob::new(b"\x00\xff")).build().unwrap();
    let published = client
        .publish()
        .topic_arn(topic)
        .subject("Backed up: report.pdf (1 KiB)")
        .message(text)
        .message_attributes("status", attribute("String", "succeeded"))
        .message_attributes("size", attribute("Number", "12.5"))
        .message_attributes("tags", attribute("String.Array", r#"["a","b"]"#))
        .message_attributes("raw", binary)
        .send()
        .await
        .unwrap();
    let messages = fixture.sns.messages().unwrap();
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!(published.message_id(), Some(message.message_id.as_str()));
    assert_eq!((message.message.as_str(), message.topic_arn.as_str()), (text, topic));
    assert_eq!(message.subject.as_deref(), Some("Backed up: report.pdf (1 KiB)"));
    assert_eq!(
        json!(message.message_attributes),
        json!({
            "status": { "Type": "String", "Value": "succeeded" },
            "size": { "Type": "Number", "Value": "12.5" },
            "tags": { "Type": "String.Array", "Value": r#"["a","b"]"# },
            "raw": { "Type": "Binary", "Value": "AP8=" },
        })
    );
    let mails = fixture.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("From: \"Smith & Sons\" <no-reply@sns.amazonaws.com>\r\n"), "{}", mails[0]);
    assert!(mails[0].contains(&format!("To: <{DEFAULT_RECIPIENT}>\r\n")), "{}", mails[0]);
    assert!(mails[0].contains("Subject: Backed up: report.pdf (1 KiB)\r\n"), "{}", mails[0]);
    assert!(mails[0].contains(&format!("Message-ID: <{}@sns.amazonaws.com>\r\n", message.message_id)), "{}", mails[0]);
}

#[tokio::test]
async fn publishing_to_a_topic_that_does_not_exist_is_not_found() {
    let fixture = fixture();
    let client = fixture.client();
    let answer = client.publish().topic_arn("arn:aws:sns:eu-west-1:000000000000:none").message("x").send().await;
    let error = answer.unwrap_err().into_service_error();
    assert!(error.is_not_found_exception(), "{error:?}");
    assert_eq!(error.message(), Some("Topic does not exist"));
}

#[tokio::test]
async fn the_sdk_reads_every_listing() {
    let fixture = fixture();
    let client = fixture.client();
    let topic = client.create_topic().name("news").send().await.unwrap().topic_arn.unwrap();
    let again = client.create_topic().name("news").send().await.unwrap().topic_arn.unwrap();
    assert_eq!(topic, again);
    let listed = client.list_topics().send().await.unwrap();
    assert_eq!(listed.topics()[0].topic_arn(), Some(topic.as_str()));
    let policy = r#"{"status":["failed"]}"#;
    let subscribe = client.subscribe().topic_arn(&topic).protocol("email").endpoint("ops@example.com");
    let subscription = subscribe.attributes("FilterPolicy", policy).send().await.unwrap().subscription_arn.unwrap();
    let by_topic = client.list_subscriptions_by_topic().topic_arn(&topic).send().await.unwrap();
    let all = client.list_subscriptions().send().await.unwrap();
    assert_eq!(by_topic.subscriptions(), all.subscriptions());
    assert_eq!(all.subscriptions()[0].endpoint(), Some("ops@example.com"));
    let attributes = client.get_subscription_attributes().subscription_arn(&subscription).send().await.unwrap();
    assert_eq!(attributes.attributes().unwrap()["FilterPolicy"], policy);
    let set = client.set_topic_attributes().topic_arn(&topic).attribute_name("DisplayName").attribute_value("Ops");
    set.send().await.unwrap();
    let attributes = client.get_topic_attributes().topic_arn(&topic).send().await.unwrap().attributes.unwrap();
    assert_eq!((attributes["DisplayName"].as_str(), attributes["SubscriptionsConfirmed"].as_str()), ("Ops", "1"));
    client.unsubscribe().subscription_arn(&subscription).send().await.unwrap();
    assert!(client.list_subscriptions().send().await.unwrap().subscriptions().is_empty());
    client.delete_topic().topic_arn(&topic).send().await.unwrap();
    assert!(client.list_topics().send().await.unwrap().topics().is_empty());
}

#[tokio::test]
async fn a_batch_returns_a_result_per_entry() {
    let fixture = fixture();
    let client = fixture.client();
    let topic = client.create_topic().name("news").send().await.unwrap().topic_arn.unwrap();
    let entry = |id: &str, subject: &str| {
        PublishBatchRequestEntry::builder().id(id).message("text").subject(subject).build().unwrap()
    };
    let batch = client.publish_batch().topic_arn(&topic);
    let batch =
        batch.publish_batch_request_entries(entry("good", "s")).publish_batch_request_entries(entry("bad", "a\nb"));
    let answer = batch.send().await.unwrap();
    assert_eq!(answer.successful()[0].id(), Some("good"));
    let failed = &answer.failed()[0];
    assert_eq!((failed.id(), failed.code(), failed.sender_fault()), ("bad", "InvalidParameter", true));
    assert_eq!(fixture.sns.messages().unwrap().len(), 1);
    let twice = client.publish_batch().topic_arn(&topic);
    let twice = twice.publish_batch_request_entries(entry("a", "s")).publish_batch_request_entries(entry("a", "s"));
    let error = twice.send().await.unwrap_err().into_service_error();
    assert!(error.is_batch_entry_ids_not_distinct_exception(), "{error:?}");
}

#[tokio::test]
async fn a_subscription_receives_only_messages_that_match_its_filter() {
    let fixture = fixture();
    let policy =
        |name: &'static str, text: &'static str| [("Attributes.entry.1.key", name), ("Attributes.entry.1.value", text)];
    fixture.subscribe("email", "all@example.com", &[]).await;
    fixture.subscribe("email", "failures@example.com", &policy("FilterPolicy", r#"{"status":["failed"]}"#)).await;
    let large = r#"{"size":[{"numeric":[">",100]}],"tags":["x"]}"#;
    fixture.subscribe("sqs", "arn:aws:sqs:eu-west-1:000000000000:large", &policy("FilterPolicy", large)).await;
    let mut by_body = policy("FilterPolicy", r#"{"object":{"key":[{"prefix":"logs/"}]}}"#).to_vec();
    by_body.extend([("Attributes.entry.2.key", "FilterPolicyScope"), ("Attributes.entry.2.value", "MessageBody")]);
    fixture.subscribe("lambda", "arn:aws:lambda:eu-west-1:000000000000:function:f", &by_body).await;

    let topic = fixture.topic().await;
    let small = [("TopicArn", topic), ("Message", "plain text")];
    fixture.call("Publish", &small).await.unwrap();
    let both = [
        ("TopicArn", topic),
        ("Message", r#"{"object":{"key":"logs/1"}}"#),
        ("MessageAttributes.entry.1.Name", "status"),
        ("MessageAttributes.entry.1.Value.DataType", "String"),
        ("MessageAttributes.entry.1.Value.StringValue", "failed"),
        ("MessageAttributes.entry.2.Name", "size"),
        ("MessageAttributes.entry.2.Value.DataType", "Number"),
        ("MessageAttributes.entry.2.Value.StringValue", "101"),
        ("MessageAttributes.entry.3.Name", "tags"),
        ("MessageAttributes.entry.3.Value.DataType", "String.Array"),
        ("MessageAttributes.entry.3.Value.StringValue", r#"["w","x"]"#),
    ];
    fixture.call("Publish", &both).await.unwrap();

    let messages = fixture.sns.messages().unwrap();
    let of = |index: usize| {
        let mut protocols: Vec<_> = messages[index].deliveries.iter().map(|one| one.protocol.as_str()).collect();
        protocols.sort_unstable();
        protocols
    };
    assert_eq!((of(0), of(1)), (vec!["email"], vec!["email", "email", "lambda", "sqs"]));
    assert_eq!(fixture.mails().len(), 3);
    assert!(!fixture.mails().iter().any(|mail| mail.contains(DEFAULT_RECIPIENT)));
}

#[tokio::test]
async fn a_message_that_no_email_subscription_matches_sends_no_mail() {
    let fixture = fixture();
    let policy = [("Attributes.entry.1.key", "FilterPolicy"), ("Attributes.entry.1.value", r#"{"status":["failed"]}"#)];
    fixture.subscribe("email", "failures@example.com", &policy).await;
    fixture.call("Publish", &[("TopicArn", fixture.topic().await), ("Message", "fine")]).await.unwrap();
    assert_eq!((fixture.sns.messages().unwrap().len(), fixture.mails().len()), (1, 0));
}

#[tokio::test]
async fn a_message_has_a_text_per_protocol() {
    let fixture = fixture();
    fixture.subscribe("email", "a@example.com", &[]).await;
    fixture.subscribe("email-json", "b@example.com", &[]).await;
    let texts = r#"{"default":"the default","email":"for people"}"#;
    let fields = [("TopicArn", fixture.topic().await), ("Message", texts), ("MessageStructure", "json")];
    fixture.call("Publish", &fields).await.unwrap();
    assert_eq!(fixture.sns.messages().unwrap()[0].message, "the default");
    let mails = fixture.mails();
    assert_eq!(mails.len(), 2);
    let to = |address: &str| mails.iter().find(|mail| mail.contains(&format!("To: <{address}>"))).unwrap().clone();
    assert!(to("a@example.com").contains("for people") && !to("a@example.com").contains("the default"));
    assert!(to("b@example.com").contains(r#""Message": "the default""#), "{}", to("b@example.com"));
}

#[tokio::test]
async fn file_names_sort_by_time_and_contain_the_subject() {
    let fixture = fixture();
    fixture.subscribe("email", "a@example.com", &[]).await;
    fixture.subscribe("email", "b@example.com", &[]).await;
    let fields = [("TopicArn", fixture.topic().await), ("Message", "x"), ("Subject", "Backed up: Q3 report.pdf!")];
    fixture.call("Publish", &fields).await.unwrap();
    let mut names: Vec<_> = std::fs::read_dir(fixture.sns.outbox())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    let (time, rest) = names[1].split_once('-').unwrap();
    assert_eq!(rest, "000001-backed-up-q3-report-pdf.eml");
    assert_eq!((time.len(), &time[8..9], time.ends_with('Z')), (20, "T", true));
    let name = names[1].strip_suffix(".eml").unwrap();
    assert_eq!(names, [format!("{name}-2.eml"), format!("{name}.eml"), format!("{name}.json")]);
    let json: Value =
        serde_json::from_slice(&std::fs::read(fixture.sns.outbox().join(format!("{name}.json"))).unwrap()).unwrap();
    assert_eq!(json["Type"], "Notification");
}

#[tokio::test]
async fn topics_and_subscriptions_survive_a_restart() {
    let fixture = fixture();
    let policy = [("Attributes.entry.1.key", "FilterPolicy"), ("Attributes.entry.1.value", r#"{"status":["failed"]}"#)];
    fixture.subscribe("email", "failures@example.com", &policy).await;
    let again = Sns::new(fixture.store.clone(), fixture.outbox.path().join("outbox"), "eu-west-1").unwrap();
    let fixture = Fixture { sns: Arc::new(again), ..fixture };
    let listed = fixture.call("ListSubscriptions", &[]).await.unwrap();
    assert!(listed.contains("<Endpoint>failures@example.com</Endpoint>"), "{listed}");
    fixture.call("Publish", &[("TopicArn", fixture.topic().await), ("Message", "fine")]).await.unwrap();
    assert_eq!(fixture.sns.messages().unwrap()[0].deliveries, []);
}

#[tokio::test]
async fn topics_are_listed_in_pages_of_a_hundred() {
    let fixture = fixture();
    for number in 0..101 {
        fixture.call("CreateTopic", &[("Name", &format!("t{number:03}"))]).await.unwrap();
    }
    let first = fixture.call("ListTopics", &[]).await.unwrap();
    let token = "arn:aws:sns:eu-west-1:000000000000:t099";
    assert!(first.contains(&format!("<NextToken>{token}</NextToken>")) && !first.contains(":t100<"), "{first}");
    let second = fixture.call("ListTopics", &[("NextToken", token)]).await.unwrap();
    assert_eq!(
        second,
        "<ListTopicsResult><Topics><member><TopicArn>arn:aws:sns:eu-west-1:000000000000:t100</TopicArn></member></Topics>\
         </ListTopicsResult>"
    );
}

#[tokio::test]
async fn invalid_requests_are_rejected_with_the_reason() {
    let fixture = fixture();
    let topic = fixture.topic().await;
    let long = "x".repeat(256 * 1024 + 1);
    let subject = "s".repeat(101);
    let publish = |fields: &[(&'static str, &str)]| {
        let mut all: Vec<(String, String)> = vec![("TopicArn".into(), topic.into()), ("Message".into(), "m".into())];
        for (name, value) in fields {
            all.retain(|(other, _)| other != name);
            all.push(((*name).to_owned(), (*value).to_owned()));
        }
        ("Publish", all)
    };
    let plain = |operation: &'static str, fields: &[(&str, &str)]| {
        (operation, fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
    };
    let typed = |data_type: &'static str, value: &'static str| {
        publish(&[
            ("MessageAttributes.entry.1.Name", "n"),
            ("MessageAttributes.entry.1.Value.DataType", data_type),
            ("MessageAttributes.entry.1.Value.StringValue", value),
        ])
    };
    let subscribe = |protocol: &str, endpoint: &str, name: &str, value: &str| {
        let mut call = plain("Subscribe", &[("TopicArn", topic), ("Protocol", protocol), ("Endpoint", endpoint)]);
        if !name.is_empty() {
            call.1.push(("Attributes.entry.1.key".to_owned(), name.to_owned()));
            call.1.push(("Attributes.entry.1.value".to_owned(), value.to_owned()));
        }
        call
    };
    for ((operation, fields), code, reason) in [
        (publish(&[("Message", "")]), "InvalidParameter", "Empty message"),
        (publish(&[("Message", &long)]), "InvalidParameter", "Message too long"),
        (publish(&[("Subject", &subject)]), "InvalidParameter", "1 to 100 ASCII"),
        (publish(&[("Subject", "a\nb")]), "InvalidParameter", "Subject \"a\\nb\""),
        (publish(&[("Subject", "caf\u{e9}")]), "InvalidParameter", "ASCII"),
        (publish(&[("Subject", " a")]), "InvalidParameter", "begin with"),
        (publish(&[("Subject", "")]), "InvalidParameter", "1 to 100"),
        (publish(&[("MessageStructure", "json")]), "InvalidParameter", "failed to parse"),
        (publish(&[("MessageStructure", "json"), ("Message", "{}")]), "InvalidParameter", "No default entry"),
        (publish(&[("PhoneNumber", "+1")]), "InvalidParameter", "topics only"),
        (publish(&[("MessageDeduplicationId", "x")]), "InvalidParameter", "MessageDeduplicationId"),
        (typed("Number", "ten"), "ParameterValueInvalid", "no valid Number: \"ten\""),
        (typed("String.Array", "[{}]"), "ParameterValueInvalid", "no valid String.Array"),
        (typed("String", ""), "ParameterValueInvalid", "non-empty"),
        (typed("Date", "x"), "ParameterValueInvalid", "'Date'"),
        (plain("CreateTopic", &[("Name", "a b")]), "InvalidParameter", "\"a b\""),
        (plain("CreateTopic", &[("Name", "a.fifo")]), "InvalidParameter", "no FIFO topics"),
        (plain("CreateTopic", &[("Name", "a"), ("Tags.member.1.Key", "k")]), "InvalidParameter", "Tags.member.1.Key"),
        (plain("CreateTopic", &[]), "InvalidParameter", "Name must be given"),
        (plain("GetTopicAttributes", &[("TopicArn", "arn:none")]), "NotFound", "Topic does not exist"),
        (plain("ListSubscriptionsByTopic", &[("TopicArn", "arn:none")]), "NotFound", "Topic does not exist"),
        (subscribe("sms", "+1", "", ""), "InvalidParameter", "Protocol sms"),
        (subscribe("email", "missing", "", ""), "InvalidParameter", "must be an email address"),
        (subscribe("email", "a@b\r\nBcc: c@d", "", ""), "InvalidParameter", "must be an email address"),
        (subscribe("https", "http://x", "", ""), "InvalidParameter", "https://"),
        (subscribe("email", "a@b", "FilterPolicy", r#"{"a":"b"}"#), "InvalidParameter", "FilterPolicy: a: must be"),
        (subscribe("email", "a@b", "FilterPolicyScope", "Body"), "InvalidParameter", "MessageBody"),
        (subscribe("email", "a@b", "RedrivePolicy", "{}"), "InvalidParameter", "RedrivePolicy"),
        (plain("TagResource", &[]), "InvalidAction", "TagResource"),
    ] {
        let form: BTreeMap<_, _> = fields.into_iter().collect();
        let error = fixture.sns.handle(operation, form).await.unwrap_err();
        assert_eq!(error.code, code, "{operation}: {error}");
        assert!(error.message.contains(reason), "{operation}: {error}, which does not say {reason}");
    }
    assert_eq!(fixture.sns.messages().unwrap(), []);
}
