//! Small templates: what the reader creates from them, and the errors for invalid ones.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;

fn settings(parameters: &[(&str, &str)]) -> Settings {
    Settings {
        stack: "demo".to_owned(),
        region: "eu-west-1".to_owned(),
        account: "000000000000".to_owned(),
        parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

fn read_with(text: &str, parameters: &[(&str, &str)]) -> Result<Stack, TemplateError> {
    Stack::of(&Document::parse(Path::new("template.yaml"), text.to_owned())?, &settings(parameters))
}

fn read(text: &str) -> Stack {
    read_with(text, &[]).unwrap()
}

fn refusal(text: &str) -> String {
    read_with(text, &[]).unwrap_err().to_string()
}

/// The output of a template with this expression, or the error.
fn evaluated(sections: &str, expression: &str) -> Result<String, String> {
    let text = format!("{sections}\nOutputs:\n  Out:\n    Value: {expression}\n");
    read_with(&text, &[]).map(|stack| stack.outputs["Out"].clone()).map_err(|error| error.to_string())
}

const SECTIONS: &str = "\
Parameters:
  Stage: {Type: String, Default: prod}
  Zones: {Type: CommaDelimitedList, Default: 'a, b,c'}
Mappings:
  Sizes:
    prod: {memory: 512}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsTest: !Not [!Condition IsProd]
  Both: !And [!Condition IsProd, !Condition IsTest]
  Either: {'Fn::Or': [{Condition: IsProd}, {Condition: IsTest}]}
Resources:
  Vault: {Type: AWS::S3::Bucket}
  Named: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub 'vault-${Stage}-${AWS::AccountId}'}}
  News: {Type: AWS::SNS::Topic}
  Letters: {Type: AWS::SQS::Queue}
  Gone: {Type: AWS::S3::Bucket, Condition: IsTest}
";

#[test]
fn template_functions_are_evaluated_as_by_cloudformation() {
    let cases = [
        ("!Ref Stage", "prod"),
        ("!Ref AWS::Region", "eu-west-1"),
        ("!Sub 'arn:${AWS::Partition}:x:${Named}/${!Literal}'", "arn:aws:x:vault-prod-000000000000/${Literal}"),
        ("!Sub ['${Stage}-${Own}', {Own: !Ref Stage}]", "prod-prod"),
        ("!Ref Named", "vault-prod-000000000000"),
        ("!GetAtt Named.Arn", "arn:aws:s3:::vault-prod-000000000000"),
        ("!Sub '${Named.Arn}/*'", "arn:aws:s3:::vault-prod-000000000000/*"),
        ("{'Fn::GetAtt': [Named, RegionalDomainName]}", "vault-prod-000000000000.s3.eu-west-1.amazonaws.com"),
        ("!If [IsProd, yes it is, !Ref Nobody]", "yes it is"),
        ("!If [Both, a, !If [Either, b, c]]", "b"),
        ("!Join ['-', [a, !Ref Stage, !Ref AWS::NoValue]]", "a-prod"),
        ("!Join ['+', !Ref Zones]", "a+b+c"),
        ("!Select [1, !Split [':', 'x:y:z']]", "y"),
        ("!FindInMap [Sizes, !Ref Stage, memory]", "512"),
    ];
    for (expression, expected) in cases {
        assert_eq!(evaluated(SECTIONS, expression).as_deref(), Ok(expected), "{expression}");
    }
}

#[test]
fn default_names_are_stable_and_contain_stack_and_logical_id() {
    let name = evaluated(SECTIONS, "!Ref Vault").unwrap();
    assert!(name.starts_with("demo-vault-") && name.len() == "demo-vault-".len() + 12, "{name}");
    assert_eq!(Ok(&name), evaluated(SECTIONS, "!Ref Vault").as_ref());
    let topic = evaluated(SECTIONS, "!Ref News").unwrap();
    assert!(topic.starts_with("arn:aws:sns:eu-west-1:000000000000:demo-News-"), "{topic}");
    let queue = evaluated(SECTIONS, "!GetAtt Letters.Arn").unwrap();
    assert!(queue.starts_with("arn:aws:sqs:eu-west-1:000000000000:demo-Letters-"), "{queue}");
}

#[test]
fn an_invalid_expression_is_reported_with_its_path() {
    let cases = [
        ("!Ref Nobody", "template.yaml:20: Outputs.Out.Value: Nobody is neither a parameter nor a resource nor"),
        ("!GetAtt Nobody.Arn", "Outputs.Out.Value: there is no resource Nobody"),
        ("!GetAtt Vault.Colour", "Vault has no attribute Colour in the sandbox; it has Arn"),
        ("!Ref Gone", "Gone does not exist because its condition does not hold"),
        ("!If [IsMoon, a, b]", "there is no condition IsMoon in the section Conditions"),
        ("!If [IsProd, a]", "this is written !If [condition, value, value]"),
        ("!Cidr [a, b]", "the sandbox does not know the function Fn::Cidr; it knows Ref, Fn::GetAtt"),
        ("!FindInMap [Sizes, test, memory]", "there is no Mappings.Sizes.test.memory"),
        ("!Select [7, [a]]", "!Select wants entry 7 of a list of 1"),
        ("[a, b]", "a text is expected here"),
    ];
    for (expression, expected) in cases {
        let error = evaluated(SECTIONS, expression).unwrap_err();
        assert!(error.contains(expected), "{expression}: {error}");
    }
}

#[test]
fn parameters_have_defaults_and_constraints() {
    let text = "\
Parameters:
  Size: {Type: Number, Default: 8, MinValue: 5, MaxValue: 10}
  Mode: {Type: String, Default: all, AllowedValues: [all, none]}
  Name: {Type: String, AllowedPattern: '[a-z]+'}
Outputs:
  Size: {Value: !Ref Size}
";
    let with = |given: &[(&str, &str)]| read_with(text, given).map_err(|error| error.to_string());
    assert_eq!(with(&[("Name", "abc"), ("Size", "9")]).unwrap().outputs["Size"], "9");
    assert_eq!(with(&[("Name", "abc")]).unwrap().parameters["Size"], "8");
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[], "template.yaml:4: Parameters.Name: this parameter has no default and was given no value"),
        (&[("Name", "ABC")], "\"ABC\" does not match the pattern [a-z]+"),
        (&[("Name", "a"), ("Mode", "some")], "\"some\" is not allowed; one of all, none is"),
        (&[("Name", "a"), ("Size", "11")], "11 is more than 10"),
        (&[("Name", "a"), ("Size", "many")], "\"many\" is not a number"),
        (&[("Nome", "a")], "a value was given for Nome, which is not a parameter; the template has "),
    ];
    for (given, expected) in cases {
        let error = with(given).unwrap_err();
        assert!(error.contains(expected), "{given:?}: {error}");
    }
}

#[test]
fn conflicting_parameters_are_rejected_with_the_rules_description() {
    let text = "\
Parameters:
  Bucket: {Type: String, Default: ''}
  Region: {Type: String, Default: ''}
Rules:
  Together:
    RuleCondition: !Not [!Equals [!Ref Bucket, '']]
    Assertions:
      - {Assert: !Not [!Equals [!Ref Region, '']], AssertDescription: Region is missing}
Resources: {}
";
    assert!(read_with(text, &[("Bucket", "b"), ("Region", "r")]).is_ok());
    assert!(read_with(text, &[]).is_ok());
    let error = read_with(text, &[("Bucket", "b")]).unwrap_err();
    assert_eq!(error.to_string(), "template.yaml:5: Rules.Together: Region is missing");
}

#[test]
fn an_unsupported_resource_type_is_named_with_its_line() {
    let error = refusal("Resources:\n  Vault: {Type: AWS::S3::Bucket}\n  Table:\n    Type: AWS::DynamoDB::Table\n");
    let expected = "template.yaml:3: Resources.Table.Type: the sandbox cannot read resources of type \
                    \"AWS::DynamoDB::Table\"; it reads AWS::Serverless::Function, AWS::Serverless::StateMachine";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn a_document_that_is_not_a_template_is_rejected() {
    assert!(refusal("Resources: {\n").contains("this is not YAML that can be read"));
    assert!(refusal("- a\n").contains("a template is a mapping with a section Resources"));
    let error = refusal("Resources: {}\nResource: {}\n");
    assert!(error.starts_with("template.yaml:2: Resource: there is no such section in a template"), "{error}");
}

#[test]
fn circular_references_are_rejected() {
    let text = "Resources:\n  A: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '${B}-a'}}\n  B: {Type: \
                AWS::S3::Bucket, Properties: {BucketName: !Sub '${A}-b'}}\n";
    assert!(refusal(text).contains("this depends on itself: "));
}

const FUNCTIONS: &str = "\
Globals:
  Function:
    Runtime: provided.al2023
    Handler: bootstrap
    Timeout: 30
    Environment: {Variables: {NOTIFY_ON: all, BUCKET: shared}}
Resources:
  Copy:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: copier}}
    Properties:
      CodeUri: .
      FunctionName: !Sub '${AWS::StackName}-copy'
      MemorySize: 512
      ReservedConcurrentExecutions: 40
      Environment: {Variables: {BUCKET: !Ref Vault, LIMIT: 8388608}}
      Policies:
        - AWSXRayDaemonWriteAccess
        - Version: 2012-10-17
          Statement: [{Effect: Allow, Action: s3:GetObject, Resource: !Sub '${Vault.Arn}/*'}]
  Notify:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: functions/notify/, Role: !GetAtt Teller.Arn, Timeout: 5}
  Teller:
    Type: AWS::IAM::Role
    Properties: {RoleName: teller, Policies: [{PolicyName: tell, PolicyDocument: {Statement: []}}]}
  Vault: {Type: AWS::S3::Bucket, Properties: {BucketName: vault}}
";

#[test]
fn a_functions_settings_override_the_global_ones() {
    let stack = read(FUNCTIONS);
    let copy = &stack.functions[0];
    assert_eq!((copy.name.as_str(), copy.crate_name.as_str()), ("demo-copy", "copier"));
    assert_eq!((copy.timeout_seconds, copy.memory_mib, copy.reserved_concurrency), (30, 512, Some(40)));
    let environment = [("BUCKET", "vault"), ("LIMIT", "8388608"), ("NOTIFY_ON", "all")];
    assert!(environment.iter().all(|(name, value)| copy.environment[*name] == *value), "{:?}", copy.environment);
    let notify = &stack.functions[1];
    assert_eq!((notify.crate_name.as_str(), notify.timeout_seconds, notify.memory_mib), ("notify", 5, 128));
}

#[test]
fn a_function_has_its_named_role_or_one_for_its_policies() {
    let stack = read(FUNCTIONS);
    assert_eq!(stack.functions[1].role_arn, "arn:aws:iam::000000000000:role/teller");
    let role = stack.roles.iter().find(|role| role.arn == stack.functions[0].role_arn).unwrap();
    assert!(role.name.starts_with("demo-CopyRole-"), "{}", role.name);
    assert_eq!(role.managed_policies, ["AWSXRayDaemonWriteAccess"]);
    assert_eq!(role.policies[0]["Statement"][0]["Resource"], "arn:aws:s3:::vault/*");
}

#[test]
fn a_policy_template_is_rejected_with_an_alternative() {
    let text = "Resources:\n  Copy:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: functions/copy, \
                Runtime: r, Policies: [{S3ReadPolicy: {BucketName: b}}]}\n";
    let expected = "template.yaml:2: Resources.Copy.Properties.Policies[0]: the sandbox does not know the policy \
                    template \"S3ReadPolicy\"; write the policy's Statement here instead";
    assert_eq!(refusal(text), expected);
}

#[test]
fn an_invalid_number_is_named_with_its_property() {
    let text = "Resources:\n  Copy:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: functions/copy, \
                Runtime: r, Timeout: long}\n";
    assert_eq!(refusal(text), "template.yaml:2: Resources.Copy.Properties.Timeout: \"long\" is not a whole number");
}

const MACHINE: &str = "\
Resources:
  Copy: {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/copy, Runtime: provided.al2023}}
  Letters: {Type: AWS::SQS::Queue, Properties: {QueueName: letters}}
  Copying:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: copying
      DefinitionUri: machine.asl.json
      DefinitionSubstitutions: {CopyArn: !GetAtt Copy.Arn}
      Events:
        Upload:
          Type: EventBridgeRule
          Properties:
            Pattern: {source: [aws.s3], detail: {bucket: {name: [inbox]}}}
            RetryPolicy: {MaximumRetryAttempts: 7}
            DeadLetterConfig: {Arn: !GetAtt Letters.Arn}
  Failed:
    Type: AWS::Events::Rule
    Properties:
      Name: failed
      State: DISABLED
      EventPattern: {source: [aws.states], detail: {stateMachineArn: [!Ref Copying]}}
      Targets: [{Id: notify, Arn: !GetAtt Copy.Arn}]
";

fn read_machine(definition: &str) -> Result<Stack, TemplateError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("machine.asl.json"), definition).unwrap();
    let file = folder.path().join("template.yaml");
    std::fs::write(&file, MACHINE).unwrap();
    Stack::read(&file, &settings(&[]))
}

#[test]
fn a_definition_file_is_read_with_its_substitutions() {
    let stack = read_machine(r#"{"Resource": "${CopyArn}"}"#).unwrap();
    let machine = &stack.state_machines[0];
    assert_eq!(machine.arn, "arn:aws:states:eu-west-1:000000000000:stateMachine:copying");
    assert_eq!(machine.definition, format!(r#"{{"Resource": "{}"}}"#, stack.functions[0].arn));
    assert_eq!(machine.kind, "STANDARD");
}

#[test]
fn a_missing_substitution_is_named() {
    let error = read_machine(r#"{"Resource": "${NotifyArn}"}"#).unwrap_err();
    assert_eq!(error.path, "Resources.Copying.Properties.DefinitionSubstitutions");
    assert_eq!(error.message, "the definition wants ${NotifyArn}, but the substitutions given are: CopyArn");
}

#[test]
fn a_missing_definition_file_is_named() {
    let error = read_with(MACHINE, &[]).unwrap_err();
    assert_eq!((error.line, error.path.as_str()), (Some(4), "Resources.Copying.Properties.DefinitionUri"));
    assert!(error.message.starts_with("the definition machine.asl.json cannot be read: "), "{}", error.message);
}

#[test]
fn rules_are_read_from_events_and_from_resources() {
    let stack = read_machine("{}").unwrap();
    let failed = stack.rules.iter().find(|rule| rule.name == "failed").unwrap();
    assert!(!failed.is_enabled);
    assert_eq!(failed.pattern["detail"]["stateMachineArn"][0], stack.state_machines[0].arn);
    assert_eq!(failed.targets, [json!({ "Id": "notify", "Arn": stack.functions[0].arn })]);
    let upload = stack.rules.iter().find(|rule| rule.name.starts_with("demo-CopyingUpload-")).unwrap();
    assert!(upload.is_enabled);
    assert_eq!(upload.pattern["detail"]["bucket"]["name"][0], "inbox");
    let target = &upload.targets[0];
    assert_eq!(target["Arn"], stack.state_machines[0].arn);
    assert_eq!(target["RetryPolicy"], json!({ "MaximumRetryAttempts": 7 }));
    assert_eq!(target["DeadLetterConfig"]["Arn"], "arn:aws:sqs:eu-west-1:000000000000:letters");
}

#[test]
fn a_schedule_is_rejected() {
    let text = "Resources:\n  Nightly: {Type: AWS::Events::Rule, Properties: {ScheduleExpression: rate(1 day)}}\n";
    assert!(refusal(text).contains("Resources.Nightly.Properties.EventPattern: the sandbox runs rules with an event"));
}

#[test]
fn buckets_have_their_versioning_and_notification_settings() {
    let stack = read(
        "Resources:
  Inbox:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
      NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}}
  Vault:
    Type: AWS::S3::Bucket
    Properties: {VersioningConfiguration: {Status: Suspended}}
  VaultPolicy:
    Type: AWS::S3::BucketPolicy
    Properties: {Bucket: !Ref Vault, PolicyDocument: {Statement: []}}
",
    );
    let facts: Vec<_> = stack.buckets.iter().map(|bucket| (bucket.is_versioned, bucket.sends_events)).collect();
    assert_eq!(facts, [(true, true), (false, false)]);
    assert_eq!(stack.bucket_policies[0].bucket, stack.buckets[1].name);
}

#[test]
fn subscriptions_are_read_from_topics_and_from_resources() {
    let stack = read(
        "Resources:
  News:
    Type: AWS::SNS::Topic
    Properties: {TopicName: news, Subscription: [{Protocol: email, Endpoint: a@example.org}]}
  More:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref News, Protocol: email, Endpoint: b@example.org, FilterPolicy: {status: [FAILED]}}
",
    );
    let facts: Vec<_> = stack.subscriptions.iter().map(|one| (one.endpoint.as_str(), &one.filter_policy)).collect();
    assert_eq!(facts, [("a@example.org", &None), ("b@example.org", &Some(json!({ "status": ["FAILED"] })))]);
    assert!(stack.subscriptions.iter().all(|one| one.topic_arn == stack.topics[0].arn));
}
