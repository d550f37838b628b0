//! The action that IAM refused, read from its message (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>).

/// A refused action.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal<'a> {
    /// For example `s3:GetObject`.
    pub(super) action: &'a str,
    /// The ARN of the resource.
    pub(super) resource: &'a str,
    /// Whether a policy denies the action. Otherwise no policy allows it.
    pub(super) explicit_deny: bool,
}

/// The refusal in the message of an answer, if the message names action and resource.
pub(super) fn refusal(message: &str) -> Option<Refusal<'_>> {
    let (action, rest) = message.split_once(" is not authorized to perform: ")?.1.split_once(" on resource: ")?;
    let deny = rest.rfind(" with an explicit deny");
    let end = deny.or_else(|| rest.rfind(" because ")).unwrap_or(rest.len());
    Some(Refusal { action, resource: rest.get(..end)?.trim_matches('"'), explicit_deny: deny.is_some() })
}
