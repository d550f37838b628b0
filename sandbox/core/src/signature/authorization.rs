//! The Authorization header of a signed request.

use std::collections::BTreeSet;

use super::{Flaw, Scope};

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The Authorization header.
pub(super) struct Authorization<'a> {
    pub(super) scope: Scope,
    pub(super) signed_headers: BTreeSet<&'a str>,
    pub(super) signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Parses the header. An error lists everything that is missing.
    pub(super) fn read(header: &'a str, date: Option<&str>) -> Result<Self, Flaw> {
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
