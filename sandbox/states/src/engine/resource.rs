//! The Resource of a Task: service and call.

/// A service call as the history names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    /// For example `aws`, or `aws-us-gov`.
    pub(crate) partition: String,
    /// For example `lambda`, or `aws-sdk:s3`.
    pub(crate) kind: String,
    /// For example `invoke`.
    pub(crate) call: String,
}

impl Resource {
    /// Parses an ARN such as `arn:aws:states:::lambda:invoke`. The error suggests a correction.
    pub(crate) fn parse(arn: &str) -> Result<Self, String> {
        let problem = || {
            format!(
                "Resource '{arn}' is not supported here; use a service integration like arn:aws:states:::lambda:invoke"
            )
        };
        let mut parts = arn.splitn(6, ':');
        let (Some("arn"), Some(partition), Some("states"), Some(""), Some(""), Some(rest)) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(problem());
        };
        let at = if let Some(service) = rest.strip_prefix("aws-sdk:") {
            service.find(':').map(|at| at + "aws-sdk:".len())
        } else {
            rest.find(':')
        };
        let (kind, call) = at.map(|at| (&rest[..at], &rest[at + 1..])).ok_or_else(problem)?;
        if kind.is_empty() || call.is_empty() {
            return Err(problem());
        }
        let waits_for_its_own = kind == "states" && matches!(call, "startExecution.sync" | "startExecution.sync:2");
        if call.contains('.') && !waits_for_its_own {
            return Err(format!(
                "Resource '{arn}' waits for a job or a token, which is not supported here; use the call without the part \
                 after the dot"
            ));
        }
        Ok(Self { partition: partition.to_owned(), kind: kind.to_owned(), call: call.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_a_service_and_a_call() {
        let parsed = |arn: &str| Resource::parse(arn).map(|resource| (resource.kind, resource.call));
        let pair = |kind: &str, call: &str| Ok((kind.to_owned(), call.to_owned()));
        assert_eq!(parsed("arn:aws:states:::lambda:invoke"), pair("lambda", "invoke"));
        assert_eq!(parsed("arn:aws:states:::aws-sdk:s3:getObject"), pair("aws-sdk:s3", "getObject"));
        assert_eq!(parsed("arn:aws:states:::states:startExecution.sync:2"), pair("states", "startExecution.sync:2"));
        assert!(parsed("arn:aws:states:::ecs:runTask.sync").is_err_and(|why| why.contains("job or a token")));
        assert!(parsed("arn:aws:lambda:eu-central-1:000000000000:function:x").is_err());
        assert!(parsed("arn:aws:states:::lambda").is_err());
    }
}
