#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::Request;
use time::macros::datetime;

use super::{authorization::ALGORITHM, *};
use crate::ports::ApiError;

const NOW: OffsetDateTime = datetime!(2026-11-23 12:00:00 UTC);

fn request(date: &str, authorization: &str) -> Parts {
    let request = Request::post("/").header("host", "sns.example").header("x-amz-date", date);
    request.header("authorization", authorization).body(()).unwrap().into_parts().0
}

fn keyring() -> Keyring {
    let keyring = Keyring::default();
    keyring.add(Identity {
        access_key_id: "AKID".to_owned(),
        secret_access_key: "secret".to_owned(),
        arn: "arn:aws:iam::000000000000:root".to_owned(),
    });
    keyring
}

fn refused(date: &str, authorization: &str) -> Flaw {
    verify(&request(date, authorization), b"", &keyring(), NOW).unwrap_err()
}

/// A request whose signature matches its own Authorization header.
fn signed(date: &str, body: &[u8]) -> Parts {
    let unsigned = format!(
        "{ALGORITHM} Credential=AKID/20261123/eu-west-1/sns/aws4_request, SignedHeaders=host;x-amz-date, Signature="
    );
    let mut head = request(date, &unsigned);
    let authorization = Authorization::read(&unsigned, Some(date)).unwrap_or_else(|flaw| panic!("{flaw:?}"));
    let identity = keyring().get("AKID").unwrap();
    let at = PrimitiveDateTime::parse(date, MOMENT).unwrap().assume_utc();
    let signature = signature_of(&head, body, &authorization, &identity, at.into()).unwrap();
    head.headers.insert(AUTHORIZATION, format!("{unsigned}{signature}").parse().unwrap());
    head
}

#[test]
fn a_signature_is_valid_only_for_its_own_request() {
    let date = "20261123T115000Z";
    let head = signed(date, b"Action=Publish");
    assert_eq!(verify(&head, b"Action=Publish", &keyring(), NOW).unwrap().access_key_id, "AKID");
    let differs = |head: &Parts, body: &[u8]| match verify(head, body, &keyring(), NOW) {
        Err(Flaw::DoesNotMatch(message)) => message.starts_with("The request signature we calculated does not match"),
        _ => false,
    };
    assert!(differs(&head, b"Action=DeleteTopic"), "the body was changed");
    let mut elsewhere = signed(date, b"");
    elsewhere.headers.insert("host", "other.example".parse().unwrap());
    assert!(differs(&elsewhere, b""), "a signed header was changed");
    let mut other = signed(date, b"");
    other.uri = "/other".parse().unwrap();
    assert!(differs(&other, b""), "the path was changed");
    let mut more = signed(date, b"");
    more.headers.insert("x-other", "1".parse().unwrap());
    assert!(verify(&more, b"", &keyring(), NOW).is_ok(), "unsigned headers may be added in transit");
    let other_secret = keyring();
    let identity = Identity { secret_access_key: "another".to_owned(), ..keyring().get("AKID").unwrap() };
    other_secret.add(identity);
    assert!(verify(&head, b"Action=Publish", &other_secret, NOW).is_err(), "the secret differs");
}

#[test]
fn a_signature_is_valid_for_fifteen_minutes_around_its_date_and_on_its_day() {
    for (date, expected) in [
        ("20261123T114500Z", None),
        ("20261123T121500Z", None),
        (
            "20261123T114459Z",
            Some(
                "Signature expired: 20261123T114459Z is now earlier than 20261123T114500Z (20261123T120000Z - 15 min.)",
            ),
        ),
        (
            "20261123T121501Z",
            Some(
                "Signature not yet current: 20261123T121501Z is still later than 20261123T121500Z (20261123T120000Z + 15 min.)",
            ),
        ),
        (
            "20261122T235959Z",
            Some(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261123' != '20261122', from '20261122T235959Z'.",
            ),
        ),
    ] {
        let answer = verify(&signed(date, b""), b"", &keyring(), NOW).err();
        assert_eq!(answer, expected.map(|message| Flaw::DoesNotMatch(message.to_owned())), "{date}");
    }
}

#[test]
fn the_error_lists_the_missing_parts_of_a_signature() {
    let date = "20261123T120000Z";
    assert_eq!(
        refused(date, "AWS4-HMAC-SHA256 SignedHeaders=host"),
        Flaw::Incomplete(
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. \
             Authorization=AWS4-HMAC-SHA256"
                .to_owned()
        )
    );
    assert!(matches!(refused(date, "Bearer x"), Flaw::Incomplete(_)));
    let scope = "Credential=OTHER/20261123/eu-west-1/sns/aws4_request";
    let stranger = format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0");
    assert_eq!(refused(date, &stranger), Flaw::UnknownKey);
    let without_host = stranger.replace("OTHER", "AKID").replace("=host", "=x-amz-date");
    assert!(matches!(refused(date, &without_host), Flaw::DoesNotMatch(message) if message.starts_with("'Host'")));
    let unsigned = Request::post("/").body(()).unwrap().into_parts().0;
    assert_eq!(verify(&unsigned, b"", &keyring(), NOW), Err(Flaw::Missing));
}

#[test]
fn every_protocol_has_its_own_error_names() {
    let answer = |flaw: &Flaw, dialect| {
        let ApiError { code, status, .. } = flaw.clone().answer(dialect);
        (code, status)
    };
    let pair = |code: &str, status| (code.to_owned(), status);
    let wrong = Flaw::DoesNotMatch(String::new());
    assert_eq!(answer(&wrong, Dialect::Json), pair("InvalidSignatureException", 400));
    assert_eq!(answer(&wrong, Dialect::RestJson), pair("InvalidSignatureException", 403));
    assert_eq!(answer(&wrong, Dialect::Query), pair("SignatureDoesNotMatch", 403));
    assert_eq!(answer(&Flaw::UnknownKey, Dialect::Json), pair("UnrecognizedClientException", 400));
    assert_eq!(answer(&Flaw::UnknownKey, Dialect::RestJson), pair("UnrecognizedClientException", 403));
    assert_eq!(answer(&Flaw::Missing, Dialect::Json), pair("MissingAuthenticationTokenException", 400));
    assert_eq!(answer(&Flaw::UnknownKey, Dialect::Query), pair("InvalidClientTokenId", 403));
    assert_eq!(answer(&Flaw::Missing, Dialect::RestJson), pair("MissingAuthenticationTokenException", 403));
    assert_eq!(answer(&Flaw::Missing, Dialect::Query), pair("MissingAuthenticationToken", 403));
}

#[test]
fn the_credential_of_a_presigned_url_names_its_service() {
    let url = "/bucket/key?X-Amz-Credential=AKIA%2F20261122%2Feu-west-1%2Fs3%2Faws4_request";
    let scope = Scope::of(&HeaderMap::new(), &url.parse().unwrap()).unwrap();
    assert_eq!(
        (scope.access_key_id.as_str(), scope.region.as_str(), scope.service.as_str()),
        ("AKIA", "eu-west-1", "s3")
    );
}
