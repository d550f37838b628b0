//! A sandbox that a schedule can stop and restart, and the operations on it.

mod operations;
mod uploads;

use sandbox::faults::Active;
use tempfile::TempDir;

pub(super) use self::uploads::UploadedVersion;
use super::step::{Deployment, MULTIPART_THRESHOLD, Proof, Replica, SourceBucket};
use crate::{
    TestResult,
    fixture::{Fixture, Setup},
};

/// A source bucket without versioning, which the stack does not create.
const UNVERSIONED: &str = "holdfast-test-unversioned";

/// A sandbox and its data.
#[derive(Debug)]
pub(super) struct Session {
    fixture: Option<Fixture>,
    setup: Setup,
    _folder: TempDir,
}

impl Session {
    pub(super) async fn start(deployment: &Deployment) -> TestResult<Self> {
        let folder = tempfile::Builder::new().prefix("holdfast-schedule-").tempdir()?;
        let threshold = MULTIPART_THRESHOLD.to_string();
        let mut setup = Setup::default().with_data_in(folder.path()).with_parameter("MultipartThreshold", &threshold);
        setup.time_scale = 1.0;
        if deployment.replica == Replica::Disabled {
            setup = setup.without_replica();
        }
        if deployment.proof == Proof::Streamed {
            setup = setup.with_parameter("VerifyMode", "streamed");
        }
        if deployment.source == SourceBucket::Unversioned {
            setup = setup.with_parameter("ExistingSourceBucketName", UNVERSIONED);
        }
        let fixture = Fixture::start(setup.clone()).await?;
        if deployment.source == SourceBucket::Unversioned {
            fixture.make_source_unversioned().await?;
        }
        Ok(Self { fixture: Some(fixture), setup, _folder: folder })
    }

    /// The running sandbox.
    pub(super) fn fixture(&self) -> TestResult<&Fixture> {
        self.fixture.as_ref().ok_or_else(|| "the sandbox did not restart".into())
    }

    /// Stops the sandbox in order and restarts it on its data. The sandbox forgets its fault rules, so they are added
    /// again. Returns the rules with their counts.
    pub(super) async fn restart(&mut self) -> TestResult<Vec<Active>> {
        let Some(fixture) = self.fixture.take() else { return Err("the sandbox did not restart".into()) };
        let faults = fixture.sandbox.faults().rules();
        fixture.sandbox.stop().await?;
        let fixture = Fixture::start(self.setup.clone()).await?;
        for fault in &faults {
            let mut rule = fault.rule.clone();
            rule.when.skip = rule.when.skip.saturating_sub(fault.matched);
            rule.when.times = rule.when.times.map(|times| times.saturating_sub(fault.fired));
            if rule.when.times != Some(0) {
                fixture.sandbox.faults().add(rule)?;
            }
        }
        self.fixture = Some(fixture);
        Ok(faults)
    }

    /// Removes all fault rules. Returns them with their counts.
    pub(super) fn remove_faults(&self) -> TestResult<Vec<Active>> {
        let faults = self.fixture()?.sandbox.faults();
        let active = faults.rules();
        faults.clear();
        Ok(active)
    }

    /// Stops the sandbox.
    pub(super) async fn stop(mut self) -> TestResult {
        if let Some(fixture) = self.fixture.take() {
            fixture.sandbox.stop().await?;
        }
        Ok(())
    }
}
