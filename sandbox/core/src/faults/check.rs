//! Rejects a rule that can match no call.

use super::{
    effect::{Effect, Scope},
    rule::{Rule, Target, When},
    rule_error::RuleError,
};
use crate::operations::{self, Service};

impl Rule {
    /// Whether some call can match the rule.
    pub(super) fn check(&self) -> Result<(), RuleError> {
        let When { times, probability, .. } = &self.when;
        if let Some(chance) = probability
            && !(*chance > 0.0 && *chance <= 1.0)
        {
            return Err(RuleError::Probability(chance.to_string()));
        }
        if *times == Some(0) {
            return Err(RuleError::NoTimes);
        }
        match &self.effect {
            Effect::Error(answer) => answer.check()?,
            Effect::FunctionError { error_type, .. } if error_type.is_empty() => {
                return Err(RuleError::Empty("functionError.errorType"));
            }
            _ => {}
        }
        self.target.check()?;
        self.excluded()
    }

    /// The field of the target that excludes every call that the effect applies to.
    fn excluded(&self) -> Result<(), RuleError> {
        let Scope { effect, about, services, operations } = self.effect.scope();
        let target = &self.target;
        let never = |excluded| Err(RuleError::NeverMeets { effect, about, excluded });
        if target.service.is_some_and(|service| !services.contains(&service)) {
            return never("service");
        }
        if target.operation.as_deref().is_some_and(|name| !operations.is_empty() && !operations.contains(&name)) {
            return never("operation");
        }
        Ok(())
    }
}

impl Target {
    /// Whether the operation exists in the given service, or in any service if none is given. Also checks the part
    /// number against S3's limits (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
    fn check(&self) -> Result<(), RuleError> {
        let services = self.service.map_or_else(|| Service::ALL.to_vec(), |service| vec![service]);
        if let Some(given) = &self.operation
            && !services.iter().any(|service| operations::has(*service, given))
        {
            let of = |service: &Service| format!("{} of {}", operations::of(*service).join(", "), service.name());
            let known = services.iter().map(of).collect::<Vec<_>>().join("; ");
            return Err(RuleError::NoOperation { given: given.clone(), known });
        }
        match self.part {
            Some(part) if !(1..=10_000).contains(&part) => Err(RuleError::NoPart(part)),
            _ => Ok(()),
        }
    }
}
