//! The fault rule that the arguments of `add` describe.

use sandbox::faults::{Effect, ErrorAnswer, Life, Moment, Rule, Service, Target, When};

use super::arguments::{
    AddArguments, Details, DropTime, EffectArguments, KillTime, ServiceName, TargetArguments, WhenArguments,
};

impl AddArguments {
    /// The rule that the arguments describe.
    pub(crate) fn rule(self) -> Rule {
        let WhenArguments { skip, times, probability, seed } = self.when;
        Rule {
            target: self.target.target(),
            when: When { skip, times, probability, seed },
            effect: self.effect.effect(self.details),
        }
    }
}

impl TargetArguments {
    fn target(self) -> Target {
        let Self { service, operation, bucket, key, part, function, state } = self;
        let service = service.map(|name| match name {
            ServiceName::S3 => Service::S3,
            ServiceName::States => Service::States,
            ServiceName::Sns => Service::Sns,
            ServiceName::Events => Service::Events,
            ServiceName::Lambda => Service::Lambda,
            ServiceName::CloudFormation => Service::CloudFormation,
        });
        Target { service, operation, bucket, key, part, function, state }
    }
}

impl EffectArguments {
    /// The effect. The group allows exactly one.
    fn effect(self, details: Details) -> Effect {
        let Details { status, message, inside_200 } = details;
        let function_error = |error_type: String, at: Moment| Effect::FunctionError {
            error_type,
            error_message: message.clone().unwrap_or_default(),
            at,
        };
        let kill = |when| match when {
            KillTime::Before => Life::Before,
            KillTime::During => Life::During,
            KillTime::After => Life::After,
        };
        let drop = |when| match when {
            DropTime::Before => Moment::Before,
            DropTime::After => Moment::After,
        };
        None.or_else(|| self.latency.map(|millis| Effect::Latency { millis }))
            .or_else(|| self.drop.map(|when| Effect::Drop(drop(when))))
            .or_else(|| self.flip.map(|offset| Effect::Flip { offset }))
            .or_else(|| self.kill.map(|when| Effect::Kill(kill(when))))
            .or_else(|| self.function_error.map(|name| function_error(name, Moment::Before)))
            .or_else(|| self.function_error_after.map(|name| function_error(name, Moment::After)))
            .or_else(|| self.repeat.map(|copies| Effect::Repeat { copies }))
            .or_else(|| self.delay.map(|millis| Effect::Delay { millis }))
            .or_else(|| self.reorder.map(|after| Effect::Reorder { after }))
            .unwrap_or_else(|| {
                let code = self.error.unwrap_or_default();
                Effect::Error(ErrorAnswer { status, code, message: message.clone(), inside200: inside_200 })
            })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use crate::{
        cli::{Cli, Command},
        commands::fault::{FaultCommand, SandboxArguments, SandboxCommand},
    };

    fn rule(line: &str) -> Result<Value, String> {
        let words = ["holdfast", "sandbox", "fault", "add"].into_iter().chain(line.split(' '));
        let parsed = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        let Command::Sandbox(SandboxArguments { command: SandboxCommand::Fault(fault) }) = parsed.command else {
            return Err("another command".to_owned());
        };
        let FaultCommand::Add(add) = fault.command else { return Err("another command".to_owned()) };
        serde_json::to_value(add.rule()).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_are_converted_to_a_rule() {
        for (line, target, when, effect) in [
            (
                "--service s3 --operation UploadPartCopy --bucket b --key k --part 7 --error SlowDown --inside-200",
                json!({"service": "s3", "operation": "UploadPartCopy", "bucket": "b", "key": "k", "part": 7}),
                json!({"skip": 0, "seed": 0}),
                json!({"error": {"code": "SlowDown", "inside200": true}}),
            ),
            (
                "--error Odd --status 599 --message m --skip 1 --times 2 --probability 0.5 --seed 3",
                json!({}),
                json!({"skip": 1, "times": 2, "probability": 0.5, "seed": 3}),
                json!({"error": {"code": "Odd", "status": 599, "message": "m"}}),
            ),
            ("--latency 5", json!({}), json!({"skip": 0, "seed": 0}), json!({"latency": {"millis": 5}})),
            ("--drop after", json!({}), json!({"skip": 0, "seed": 0}), json!({"drop": "after"})),
            ("--flip 9", json!({}), json!({"skip": 0, "seed": 0}), json!({"flip": {"offset": 9}})),
            (
                "--function copy-part --state CopySlice --kill during",
                json!({"function": "copy-part", "state": "CopySlice"}),
                json!({"skip": 0, "seed": 0}),
                json!({"kill": "during"}),
            ),
            (
                "--function-error-after Internal --message m",
                json!({}),
                json!({"skip": 0, "seed": 0}),
                json!({"functionError": {"errorType": "Internal", "errorMessage": "m", "at": "after"}}),
            ),
            ("--repeat 2", json!({}), json!({"skip": 0, "seed": 0}), json!({"repeat": {"copies": 2}})),
            ("--delay 2", json!({}), json!({"skip": 0, "seed": 0}), json!({"delay": {"millis": 2}})),
            ("--reorder 2", json!({}), json!({"skip": 0, "seed": 0}), json!({"reorder": {"after": 2}})),
        ] {
            assert_eq!(rule(line), Ok(json!({"match": target, "when": when, "effect": effect})), "{line}");
        }
    }

    #[test]
    fn a_rule_has_one_effect() {
        for line in [
            "--part 7",
            "--drop after --flip 0",
            "--drop after --status 500",
            "--kill after --message m",
            "--drop sometimes --part 1",
        ] {
            assert!(rule(line).is_err(), "{line}");
        }
    }
}
