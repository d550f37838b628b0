//! The operations on rules and their targets.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Bus, RULES, internal, invalid, not_found, require_default_bus, target::Target};
use sandbox_core::{
    pattern::{Pattern, PatternError},
    ports::{ACCOUNT, ApiError},
};

/// A rule with its compiled pattern.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) record: RuleRecord,
    pub(super) pattern: Pattern,
}

/// A rule in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RuleRecord {
    pub(super) name: String,
    pattern: String,
    pub(super) state: State,
    description: Option<String>,
    role_arn: Option<String>,
    pub(super) targets: Vec<Target>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    #[default]
    #[serde(rename = "ENABLED")]
    Enabled,
    #[serde(rename = "DISABLED")]
    Disabled,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutRule {
    name: String,
    event_pattern: Option<String>,
    schedule_expression: Option<String>,
    #[serde(default)]
    state: State,
    description: Option<String>,
    role_arn: Option<String>,
    event_bus_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct NamedRule {
    name: String,
    event_bus_name: Option<String>,
    /// Only for rules that a service manages. The sandbox has none.
    #[serde(rename = "Force")]
    _force: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListRules {
    #[serde(default)]
    name_prefix: String,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutTargets {
    rule: String,
    event_bus_name: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RemoveTargets {
    rule: String,
    event_bus_name: Option<String>,
    ids: Vec<String>,
    #[serde(rename = "Force")]
    _force: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListTargets {
    rule: String,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

impl Rule {
    pub(super) fn from_record(record: RuleRecord) -> Result<Self, PatternError> {
        Ok(Self { pattern: Pattern::parse(&record.pattern)?, record })
    }
}

/// The maximum number of targets of a rule.
const MAXIMUM_TARGETS: usize = 5;

pub(super) fn bad_pattern(error: &PatternError) -> ApiError {
    ApiError::new("InvalidEventPatternException", format!("Event pattern is not valid. Reason: {error}"))
}

fn no_rule(name: &str) -> ApiError {
    not_found(format!("Rule {name} does not exist on EventBus default."))
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let of_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    if name.is_empty() || name.len() > 64 || !name.chars().all(of_name) {
        return Err(invalid(format!(
            "Rule name {name:?} must be 1 to 64 letters, digits, dots, hyphens or underscores."
        )));
    }
    Ok(())
}

impl Bus {
    pub(super) fn put_rule(&self, request: PutRule) -> Result<Value, ApiError> {
        check_name(&request.name)?;
        require_default_bus(request.event_bus_name.as_deref())?;
        if let Some(schedule) = request.schedule_expression {
            return Err(invalid(format!(
                "Rule {} has the ScheduleExpression {schedule}: the sandbox runs no schedules, give an EventPattern.",
                request.name
            )));
        }
        let Some(text) = request.event_pattern else {
            return Err(invalid(format!("Rule {} must have an EventPattern.", request.name)));
        };
        let pattern = Pattern::parse(&text).map_err(|error| bad_pattern(&error))?;
        let mut rules = self.write_rules();
        let targets = rules.get(&request.name).map_or_else(Vec::new, |rule| rule.record.targets.clone());
        let record = RuleRecord {
            name: request.name,
            pattern: text,
            state: request.state,
            description: request.description,
            role_arn: request.role_arn,
            targets,
        };
        self.store.put(RULES, &record.name, &record).map_err(internal)?;
        let arn = self.rule_arn(&record.name);
        rules.insert(record.name.clone(), Rule { record, pattern });
        Ok(json!({ "RuleArn": arn }))
    }

    pub(super) fn describe_rule(&self, request: &NamedRule) -> Result<Value, ApiError> {
        require_default_bus(request.event_bus_name.as_deref())?;
        let rules = self.read_rules();
        let rule = rules.get(&request.name).ok_or_else(|| no_rule(&request.name))?;
        let mut described = self.summary(&rule.record);
        described["CreatedBy"] = json!(ACCOUNT);
        Ok(described)
    }

    fn summary(&self, record: &RuleRecord) -> Value {
        let mut summary = json!({
            "Name": record.name,
            "Arn": self.rule_arn(&record.name),
            "EventPattern": record.pattern,
            "State": record.state,
            "EventBusName": "default",
        });
        for (name, value) in [("Description", &record.description), ("RoleArn", &record.role_arn)] {
            if let Some(value) = value {
                summary[name] = json!(value);
            }
        }
        summary
    }

    /// Deletes a rule. A missing rule is no error, as on AWS.
    pub(super) fn delete_rule(&self, request: &NamedRule) -> Result<Value, ApiError> {
        require_default_bus(request.event_bus_name.as_deref())?;
        let mut rules = self.write_rules();
        if rules.get(&request.name).is_some_and(|rule| !rule.record.targets.is_empty()) {
            return Err(invalid(format!("Rule {} can't be deleted since it has targets.", request.name)));
        }
        self.store.delete(RULES, &request.name).map_err(internal)?;
        rules.remove(&request.name);
        Ok(json!({}))
    }

    pub(super) fn set_state(&self, request: &NamedRule, state: State) -> Result<Value, ApiError> {
        require_default_bus(request.event_bus_name.as_deref())?;
        self.change(&request.name, |record| {
            record.state = state;
            Ok(())
        })?;
        Ok(json!({}))
    }

    /// Changes a rule's record in the store, then in memory.
    fn change(&self, name: &str, change: impl FnOnce(&mut RuleRecord) -> Result<(), ApiError>) -> Result<(), ApiError> {
        let mut rules = self.write_rules();
        let rule = rules.get_mut(name).ok_or_else(|| no_rule(name))?;
        let mut record = rule.record.clone();
        change(&mut record)?;
        self.store.put(RULES, name, &record).map_err(internal)?;
        rule.record = record;
        Ok(())
    }

    pub(super) fn list_rules(&self, request: ListRules) -> Result<Value, ApiError> {
        require_default_bus(request.event_bus_name.as_deref())?;
        let rules = self.read_rules();
        let wanted = rules.values().filter(|rule| rule.record.name.starts_with(&request.name_prefix));
        let named = wanted.map(|rule| (rule.record.name.as_str(), self.summary(&rule.record))).collect();
        page("Rules", named, request.next_token, request.limit)
    }

    pub(super) fn put_targets(&self, request: PutTargets) -> Result<Value, ApiError> {
        require_default_bus(request.event_bus_name.as_deref())?;
        for target in &request.targets {
            target.check()?;
        }
        self.change(&request.rule, |record| {
            for target in request.targets {
                record.targets.retain(|other| other.id != target.id);
                record.targets.push(target);
            }
            if record.targets.len() > MAXIMUM_TARGETS {
                return Err(ApiError::new(
                    "LimitExceededException",
                    format!("Rule {} would have {} targets: the most is 5.", record.name, record.targets.len()),
                ));
            }
            Ok(())
        })?;
        Ok(json!({ "FailedEntryCount": 0, "FailedEntries": [] }))
    }

    pub(super) fn remove_targets(&self, request: &RemoveTargets) -> Result<Value, ApiError> {
        require_default_bus(request.event_bus_name.as_deref())?;
        self.change(&request.rule, |record| {
            record.targets.retain(|target| !request.ids.contains(&target.id));
            Ok(())
        })?;
        Ok(json!({ "FailedEntryCount": 0, "FailedEntries": [] }))
    }

    pub(super) fn list_targets(&self, request: ListTargets) -> Result<Value, ApiError> {
        require_default_bus(request.event_bus_name.as_deref())?;
        let rules = self.read_rules();
        let rule = rules.get(&request.rule).ok_or_else(|| no_rule(&request.rule))?;
        let mut targets: Vec<_> =
            rule.record.targets.iter().map(|target| (target.id.as_str(), json!(target))).collect();
        targets.sort_by_key(|(id, _)| *id);
        page("Targets", targets, request.next_token, request.limit)
    }
}

/// One page of items sorted by name. The token is the last name of the previous page.
fn page(list: &str, named: Vec<(&str, Value)>, token: Option<String>, limit: Option<usize>) -> Result<Value, ApiError> {
    let limit = limit.unwrap_or(100);
    if !(1..=100).contains(&limit) {
        return Err(invalid(format!("Limit {limit} must be from 1 to 100.")));
    }
    let after = token.unwrap_or_default();
    let mut left = named.into_iter().filter(|(name, _)| after.is_empty() || *name > after.as_str()).peekable();
    let (mut ended_with, mut items) = (String::new(), Vec::new());
    for (name, item) in left.by_ref().take(limit) {
        name.clone_into(&mut ended_with);
        items.push(item);
    }
    let mut page = json!({ list: items });
    if left.peek().is_some() {
        page["NextToken"] = json!(ended_with);
    }
    Ok(page)
}
