//! IAM with the policies of a template.

use sandbox_iam::{Iam, PolicyError};
use sandbox_template::Stack;

/// Reads the policies of a stack. The role of each function, state machine and rule must be part of the stack.
pub(crate) fn read(stack: &Stack) -> Result<Iam, PolicyError> {
    let mut iam = Iam::default();
    for role in &stack.roles {
        iam.add_role(&role.name, &role.policies, &role.managed_policies)?;
    }
    for policy in &stack.bucket_policies {
        iam.add_bucket_policy(&policy.bucket, &policy.document)?;
    }
    for caller in callers(stack) {
        if !stack.roles.iter().any(|role| role.arn == caller.role_arn) {
            let problem =
                format!("its role {} is not in the template, so its permissions are unknown", caller.role_arn);
            return Err(PolicyError { owner: caller.name.to_owned(), problem });
        }
    }
    Ok(iam)
}

/// A resource that calls services with a role.
struct Caller<'a> {
    name: &'a str,
    role_arn: &'a str,
}

fn callers(stack: &Stack) -> impl Iterator<Item = Caller<'_>> {
    let functions =
        stack.functions.iter().map(|function| Caller { name: &function.logical_id, role_arn: &function.role_arn });
    let machines =
        stack.state_machines.iter().map(|machine| Caller { name: &machine.logical_id, role_arn: &machine.role_arn });
    let rules = stack.rules.iter().flat_map(|rule| {
        let roles = rule.targets.iter().filter_map(|target| target["RoleArn"].as_str());
        roles.map(|role_arn| Caller { name: &rule.name, role_arn })
    });
    functions.chain(machines).chain(rules)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use sandbox_template::{Role, Settings, StateMachine};

    use super::*;

    fn stack_with_machine(role_arn: &str) -> Stack {
        let role = Role {
            name: "copier".to_owned(),
            arn: "arn:aws:iam::000000000000:role/copier".to_owned(),
            policies: Vec::new(),
            managed_policies: Vec::new(),
        };
        let machine = StateMachine {
            logical_id: "Machine".to_owned(),
            name: "m".to_owned(),
            arn: "arn:aws:states:eu-west-1:000000000000:stateMachine:m".to_owned(),
            role_arn: role_arn.to_owned(),
            kind: "STANDARD".to_owned(),
            definition: String::new(),
            file: None,
        };
        let settings = Settings {
            stack: "s".to_owned(),
            region: "eu-west-1".to_owned(),
            account: "000000000000".to_owned(),
            parameters: [].into(),
        };
        Stack { roles: vec![role], state_machines: vec![machine], ..Stack::empty(settings) }
    }

    #[test]
    fn a_machine_whose_role_is_missing_from_the_template_is_rejected() {
        assert!(read(&stack_with_machine("arn:aws:iam::000000000000:role/copier")).is_ok());

        let error = read(&stack_with_machine("arn:aws:iam::000000000000:role/other")).unwrap_err().to_string();

        assert!(error.contains("Machine"), "{error}");
        assert!(error.contains("role/other is not in the template"), "{error}");
    }
}
