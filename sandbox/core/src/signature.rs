//! Request signatures: who signed a request, for which service and region, and whether the signature is valid.
//!
//! `s3s` verifies the signatures of S3 requests, which differ. For every other service, this module signs the request
//! again with the SDK's own signer and compares the results
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>). Error messages are
//! those of <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>.

use std::{collections::BTreeSet, time::SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    SigningOutput,
    http_request::{SignableBody, SignableRequest, SigningInstructions, SigningSettings, sign},
    sign::v4,
};
use http::{HeaderMap, Uri, header::AUTHORIZATION, request::Parts};
use time::{
    Duration, OffsetDateTime, PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description,
};

use crate::{
    identity::{Identity, Keyring},
    ports::ApiError,
};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const MOMENT: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
/// The maximum difference between a request's date and the present.
const SKEW: Duration = Duration::minutes(15);

/// Who signed a request, when, and for which service: `KEY/DATE/REGION/SERVICE/aws4_request`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The public half of the key.
    pub access_key_id: String,
    /// Eight digits.
    date: String,
    /// For example `eu-west-1`.
    pub region: String,
    /// For example `states`.
    pub service: String,
}

impl Scope {
    /// From the Authorization header, or from the query of a presigned URL. `None` if the request is not signed.
    pub fn of(headers: &HeaderMap, uri: &Uri) -> Option<Self> {
        match text(headers, AUTHORIZATION.as_str()) {
            Some(value) => Self::parse(value.split_once("Credential=")?.1.split([',', ' ']).next()?),
            None => url::form_urlencoded::parse(uri.query()?.as_bytes())
                .find(|(name, _)| name == "X-Amz-Credential")
                .and_then(|(_, value)| Self::parse(&value)),
        }
    }

    fn parse(credential: &str) -> Option<Self> {
        let mut parts = credential.rsplit('/');
        let (_, service, region, date) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let access_key_id = parts.next()?.to_owned();
        Some(Self { access_key_id, date: date.to_owned(), region: region.to_owned(), service: service.to_owned() })
    }
}

/// Why a signature is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// The request is not signed.
    Missing,
    /// A required part of the signature is missing or malformed.
    Incomplete(String),
    /// The access key does not exist.
    UnknownKey,
    /// The secret is wrong, the request was changed in transit, or its date is not valid.
    DoesNotMatch(String),
}

/// How a service names its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// AWS JSON: Step Functions, `EventBridge`.
    Json,
    /// REST JSON: Lambda.
    RestJson,
    /// Query: SNS, STS.
    Query,
}

impl Flaw {
    /// The error as a service returns it. AWS JSON services use status 400
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>, "HTTP status code
    /// 400", and an answer of CloudWatch Logs in <https://github.com/maxbanton/cwh/issues/119>). Lambda uses 403
    /// (<https://github.com/wso2/product-apim/issues/10478>, <https://github.com/iann0036/iamlive/issues/58>), and so
    /// do services of the Query protocol (<https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html>). No recorded
    /// answer of Step Functions or `EventBridge` itself is known.
    pub fn answer(self, dialect: Dialect) -> ApiError {
        let is_query = dialect == Dialect::Query;
        let refused = if dialect == Dialect::Json { 400 } else { 403 };
        let named = |json: &str, query: &str| if is_query { query.to_owned() } else { json.to_owned() };
        match self {
            Self::Missing => {
                let message = named("Missing Authentication Token", "Request is missing Authentication Token");
                let code = named("MissingAuthenticationTokenException", "MissingAuthenticationToken");
                ApiError::new(&code, message).with_status(refused)
            }
            Self::Incomplete(message) => {
                ApiError::new(&named("IncompleteSignatureException", "IncompleteSignature"), message)
            }
            Self::UnknownKey => {
                let message = "The security token included in the request is invalid.";
                ApiError::new(&named("UnrecognizedClientException", "InvalidClientTokenId"), message)
                    .with_status(refused)
            }
            Self::DoesNotMatch(message) => {
                let code = named("InvalidSignatureException", "SignatureDoesNotMatch");
                ApiError::new(&code, message).with_status(refused)
            }
        }
    }
}

/// The Authorization header.
struct Authorization<'a> {
    scope: Scope,
    signed_headers: BTreeSet<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Parses the header. An error lists everything that is missing.
    fn read(header: &'a str, date: Option<&str>) -> Result<Self, Flaw> {
        let Some(fields) = header.trim().strip_prefix(ALGORITHM) else {
            let kind = header.split(' ').next().unwrap_or_default();
            let message = format!("Unsupported AWS 'algorithm': '{kind}'.");
            return Err(Flaw::Incomplete(message));
        };
        let field = |name: &str| fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
        let scope = field("Credential").and_then(Scope::parse);
        let (signature, signed) = (field("Signature"), field("SignedHeaders"));
        let lacks =
            [("Credential", scope.is_none()), ("Signature", signature.is_none()), ("SignedHeaders", signed.is_none())];
        let mut message = String::new();
        for (name, _) in lacks.iter().filter(|(_, is_lacking)| *is_lacking) {
            message = format!("{message}Authorization header requires '{name}' parameter. ");
        }
        if date.is_none() {
            message.push_str("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
        }
        match (scope, signature, signed) {
            (Some(scope), Some(signature), Some(signed)) if message.is_empty() => {
                Ok(Self { scope, signed_headers: signed.split(';').collect(), signature })
            }
            _ => Err(Flaw::Incomplete(format!("{message}Authorization={ALGORITHM}"))),
        }
    }
}

/// The identity that signed a request to a service other than S3, if the signature is valid.
pub fn verify(head: &Parts, body: &[u8], keyring: &Keyring, now: OffsetDateTime) -> Result<Identity, Flaw> {
    let header = text(&head.headers, AUTHORIZATION.as_str()).ok_or(Flaw::Missing)?;
    let date = text(&head.headers, "x-amz-date");
    let authorization = Authorization::read(header, date)?;
    let (scope, date) = (&authorization.scope, date.unwrap_or_default());
    let identity = keyring.get(&scope.access_key_id).ok_or(Flaw::UnknownKey)?;
    if !authorization.signed_headers.contains("host") || !head.headers.contains_key("host") {
        let message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
        return Err(Flaw::DoesNotMatch(message.to_owned()));
    }
    let signed_at = timely(date, &scope.date, now)?;
    let expected = signature_of(head, body, &authorization, &identity, signed_at.into());
    if expected.as_deref() == Some(authorization.signature) {
        return Ok(identity);
    }
    Err(Flaw::DoesNotMatch(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key \
         and signing method. Consult the service documentation for details."
            .to_owned(),
    ))
}

/// The date of a signature. It must be the present, and match the day in the scope.
fn timely(date: &str, day: &str, now: OffsetDateTime) -> Result<OffsetDateTime, Flaw> {
    let signed_at = PrimitiveDateTime::parse(date, MOMENT)
        .map(PrimitiveDateTime::assume_utc)
        .map_err(|_| Flaw::Incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{date}'.")))?;
    let signed_on = date.get(..8).unwrap_or_default();
    if signed_on != day {
        return Err(Flaw::DoesNotMatch(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{day}' != \
             '{signed_on}', from '{date}'."
        )));
    }
    let shown = |moment: OffsetDateTime| moment.format(MOMENT).unwrap_or_default();
    if signed_at + SKEW < now {
        return Err(Flaw::DoesNotMatch(format!(
            "Signature expired: {date} is now earlier than {} ({} - 15 min.)",
            shown(now - SKEW),
            shown(now)
        )));
    }
    if signed_at - SKEW > now {
        return Err(Flaw::DoesNotMatch(format!(
            "Signature not yet current: {date} is still later than {} ({} + 15 min.)",
            shown(now + SKEW),
            shown(now)
        )));
    }
    Ok(signed_at)
}

/// The signature that the owner of the key would create; `None` for a request that cannot be signed.
fn signature_of(
    head: &Parts,
    body: &[u8],
    authorization: &Authorization<'_>,
    identity: &Identity,
    signed_at: SystemTime,
) -> Option<String> {
    let Authorization { scope, signed_headers, .. } = authorization;
    let signed = head.headers.iter().filter(|(name, _)| signed_headers.contains(name.as_str()));
    let headers: Option<Vec<(&str, &str)>> =
        signed.map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let uri = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let body = SignableBody::Bytes(body);
    let request = SignableRequest::new(head.method.as_str(), uri, headers?.into_iter(), body).ok()?;
    // The client lists the headers that it signed.
    let mut settings = SigningSettings::default();
    settings.excluded_headers = None;
    Some(sign_as((scope, identity), request, signed_at, settings)?.signature().to_owned())
}

/// Signs a request for a region and a service, as the owner of a key does. `None` if it cannot be signed.
pub fn sign_as(
    (scope, identity): (&Scope, &Identity),
    request: SignableRequest<'_>,
    at: SystemTime,
    settings: SigningSettings,
) -> Option<SigningOutput<SigningInstructions>> {
    let (key, secret) = (&identity.access_key_id, &identity.secret_access_key);
    let credentials = Credentials::new(key, secret, None, None, "sandbox").into();
    let parameters = v4::SigningParams::builder()
        .identity(&credentials)
        .region(&scope.region)
        .name(&scope.service)
        .time(at)
        .settings(settings)
        .build()
        .ok()?;
    sign(request, &parameters.into()).ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use http::Request;
    use time::macros::datetime;

    use super::*;

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
            Err(Flaw::DoesNotMatch(message)) => {
                message.starts_with("The request signature we calculated does not match")
            }
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
}
