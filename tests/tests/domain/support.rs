//! A world with one of everything: small and large copies, two versions of a key, a late version, a duplicate, a
//! failure.

use aws_sdk_s3::types::StorageClass;
use holdfast_tests::{
    TestResult,
    domain::{Known, Report, Rule, Violations},
    world::{Rules, Setup, World},
};

/// Objects of this many bytes are copied in parts: in one part, because S3 takes none of less than 5 MiB but the last.
pub(crate) const THRESHOLD: &str = "16";

/// Large enough to be copied in parts.
pub(crate) const LARGE: &str = "more bytes than the threshold has";

pub(crate) fn setup() -> Setup {
    Setup::default().configured("MULTIPART_THRESHOLD", THRESHOLD)
}

/// Uploads to the keys `small`, `large`, `twice` and `late`; the last two have two versions each, and the first of
/// `late` is announced after the second is backed up. All are tagged.
pub(crate) async fn world() -> TestResult<World> {
    world_with(setup()).await
}

/// The same in a world that is made otherwise.
pub(crate) async fn world_with(setup: Setup) -> TestResult<World> {
    let world = World::start(setup).await?;
    for (count, (key, bytes)) in
        [("small", "few"), ("large", LARGE), ("twice", "first"), ("twice", "second")].iter().enumerate()
    {
        upload(&world, key, bytes).await?;
        world.ended(count + 1).await?;
    }
    world.set_rules(Rules::Disabled).await?;
    upload(&world, "late", LARGE).await?;
    let late = world.late_event_for("late").await?;
    world.set_rules(Rules::Enabled).await?;
    upload(&world, "late", "newer").await?;
    world.ended(5).await?;
    world.begin(&late).await?;
    let first = world.ended(6).await?.swap_remove(0);
    world.begin(&world.event_of(&first).await?).await?;
    world.ended(7).await?;
    Ok(world)
}

pub(crate) async fn upload(world: &World, key: &str, bytes: &str) -> TestResult {
    let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key(key).tagging("team=a");
    request.content_type("text/plain").metadata("owner", "ann").body(bytes.as_bytes().to_vec().into()).send().await?;
    Ok(())
}

/// Uploads what cannot be read without a restore: its execution fails.
pub(crate) async fn upload_archived(world: &World, key: &str) -> TestResult {
    let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key(key);
    request.storage_class(StorageClass::Glacier).body(b"cold".to_vec().into()).send().await?;
    Ok(())
}

/// Checks the world strictly.
pub(crate) async fn check(world: &World) -> TestResult<Report> {
    world.check_domain(Known::default()).await
}

/// The names of the promises that a world breaks.
pub(crate) async fn broken(world: &World) -> TestResult<Vec<Rule>> {
    match check(world).await {
        Ok(report) => Err(format!("nothing was found: {report}").into()),
        Err(error) => Ok(error.downcast::<Violations>()?.rules()),
    }
}
