//! The definition of the state machine.

use aws_sdk_sfn::types::ValidateStateMachineDefinitionResultCode;
use holdfast_tests::{
    TestResult,
    world::{Setup, World, workspace},
};

#[tokio::test]
async fn the_definition_of_the_state_machine_has_no_findings() -> TestResult {
    let definition = std::fs::read_to_string(workspace().join("statemachine/backup.asl.json"))?;
    let world = World::start(Setup::default()).await?;

    let validated = world.states.validate_state_machine_definition().definition(definition).send().await?;

    assert_eq!(validated.diagnostics(), []);
    assert_eq!(validated.result(), &ValidateStateMachineDefinitionResultCode::Ok);
    Ok(())
}
