//! A fixture with every kind of copy: small, large, newer, late, and the duplicate of an event.

use holdfast_tests::{
    TestResult,
    domain::{Promise, Report, Tolerance, Violations},
    fixture::{EventRules, Fixture, Setup},
};

/// The multipart threshold in bytes. Such objects have one part, because S3 allows less than 5 MiB only for the last.
pub(crate) const THRESHOLD: &str = "16";

/// Large enough to be copied in parts.
pub(crate) const LARGE: &str = "more bytes than the threshold has";

pub(crate) fn setup() -> Setup {
    Setup::default().with_variable("MULTIPART_THRESHOLD", THRESHOLD)
}

/// A fixture with backups of the keys `small`, `large`, `twice` and `late`. The last two have two versions each. The
/// event of the first version of `late` is delivered after the second version is backed up.
pub(crate) async fn fixture() -> TestResult<Fixture> {
    fixture_with(setup()).await
}

/// The same with other settings.
pub(crate) async fn fixture_with(setup: Setup) -> TestResult<Fixture> {
    let fixture = Fixture::start(setup).await?;
    for (count, (key, bytes)) in
        [("small", "few"), ("large", LARGE), ("twice", "first"), ("twice", "second")].iter().enumerate()
    {
        upload(&fixture, key, bytes).await?;
        fixture.wait_for_executions(count + 1).await?;
    }
    fixture.set_rules(EventRules::Disabled).await?;
    upload(&fixture, "late", LARGE).await?;
    let late = fixture.late_event("late").await?;
    fixture.set_rules(EventRules::Enabled).await?;
    upload(&fixture, "late", "newer").await?;
    fixture.wait_for_executions(5).await?;
    fixture.start_execution(&late).await?;
    let first = fixture.wait_for_executions(6).await?.swap_remove(0);
    fixture.start_execution(&fixture.input_event(&first).await?).await?;
    fixture.wait_for_executions(7).await?;
    Ok(fixture)
}

pub(crate) async fn upload(fixture: &Fixture, key: &str, bytes: &str) -> TestResult {
    let request = fixture.s3.put_object().bucket(&fixture.outputs.source_bucket).key(key).tagging("team=a");
    request.content_type("text/plain").metadata("owner", "ann").body(bytes.as_bytes().to_vec().into()).send().await?;
    Ok(())
}

/// Checks every promise without tolerance.
pub(crate) async fn check(fixture: &Fixture) -> TestResult<Report> {
    fixture.check_domain(Tolerance::default()).await
}

/// The broken promises of a fixture.
pub(crate) async fn violations(fixture: &Fixture) -> TestResult<Vec<Promise>> {
    match check(fixture).await {
        Ok(report) => Err(format!("no promise is broken: {report}").into()),
        Err(error) => Ok(error.downcast::<Violations>()?.promises()),
    }
}
