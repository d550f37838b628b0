//! Request signatures: who signed a request, for which service and region, and whether the signature is valid.
//!
//! `s3s` verifies the signatures of S3 requests, which differ. For every other service, this module signs the request
//! again with the SDK's own signer and compares the results
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>). Error messages are
//! those of <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>.

mod authorization;
mod flaw;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

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

use self::authorization::Authorization;
pub use self::flaw::{Dialect, Flaw};
use crate::identity::{Identity, Keyring};

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
