//! STS: `GetCallerIdentity`, often a user's first call, to check that an endpoint and its keys work.

use serde::Serialize;

use sandbox_core::{
    identity::Identity,
    ports::{ACCOUNT, ApiError},
    query,
};

/// The XML namespace of STS's answers.
pub(crate) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CallerIdentity<'a> {
    arn: &'a str,
    user_id: String,
    account: &'a str,
}

/// Answers `GetCallerIdentity` with the `<GetCallerIdentityResult>` element.
pub(crate) fn handle(operation: &str, caller: &Identity) -> Result<String, ApiError> {
    if operation != "GetCallerIdentity" {
        return Err(ApiError::new(
            "InvalidAction",
            format!(
                "Could not find operation {operation} for version 2011-06-15: the sandbox's STS only has GetCallerIdentity"
            ),
        ));
    }
    let account = caller.arn.split(':').nth(4).filter(|account| !account.is_empty()).unwrap_or(ACCOUNT);
    query::result(operation, &CallerIdentity { arn: &caller.arn, user_id: user_id(caller, account), account })
}

/// The unique ID of a principal in AWS's form: the account for its root, `<id>:<session>` for an assumed role.
/// Principals in the sandbox have no ID, so the access key ID replaces it.
fn user_id(caller: &Identity, account: &str) -> String {
    if caller.arn.ends_with(":root") {
        return account.to_owned();
    }
    match caller.arn.split_once(":assumed-role/").and_then(|(_, role)| role.split_once('/')) {
        Some((_, session)) => format!("{}:{session}", caller.access_key_id),
        None => caller.access_key_id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(arn: &str) -> Identity {
        Identity {
            access_key_id: "AKIAEXAMPLE".to_owned(),
            secret_access_key: "secret".to_owned(),
            arn: arn.to_owned(),
        }
    }

    #[test]
    fn a_role_session_gets_its_arn_account_and_session() {
        let answer = handle("GetCallerIdentity", &identity("arn:aws:sts::000000000000:assumed-role/notify/notify"));
        assert_eq!(
            answer.as_deref(),
            Ok("<GetCallerIdentityResult><Arn>arn:aws:sts::000000000000:assumed-role/notify/notify</Arn>\
                <UserId>AKIAEXAMPLE:notify</UserId><Account>000000000000</Account></GetCallerIdentityResult>")
        );
    }

    #[test]
    fn the_root_of_an_account_has_the_account_as_its_id() {
        let answer = handle("GetCallerIdentity", &identity("arn:aws:iam::123456789012:root"));
        assert!(answer.is_ok_and(|xml| xml.contains("<UserId>123456789012</UserId><Account>123456789012</Account>")));
    }

    #[test]
    fn another_operation_is_rejected_by_name() {
        let error = handle("AssumeRole", &identity("arn:aws:iam::123456789012:root")).err();
        assert!(error.is_some_and(|error| error.code == "InvalidAction" && error.message.contains("AssumeRole")));
    }
}
