//! ValidateStateMachineDefinition accepts the state machine.

use aws_sdk_sfn::types::ValidateStateMachineDefinitionResultCode;
use holdfast_tests::{
    TestResult,
    fixture::{Fixture, Setup, workspace},
};

#[tokio::test]
async fn the_state_machine_definition_has_no_diagnostics() -> TestResult {
    let definition = std::fs::read_to_string(workspace().join("statemachine/backup.asl.json"))?;
    let fixture = Fixture::start(Setup::default()).await?;

    let validated = fixture.states.validate_state_machine_definition().definition(definition).send().await?;

    assert_eq!(validated.diagnostics(), []);
    assert_eq!(validated.result(), &ValidateStateMachineDefinitionResultCode::Ok);
    Ok(())
}
