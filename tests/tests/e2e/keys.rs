//! Keys that are easily got wrong between an event, a copy source and a signature.

use holdfast_tests::{
    TestResult,
    world::{Setup, World},
};

#[tokio::test]
async fn a_key_arrives_as_it_is_whatever_it_is_made_of() -> TestResult {
    let longest = format!("long/{}", "k".repeat(1024 - "long/".len()));
    let longest_unicode = "é".repeat(512);
    let keys = [
        "with space.txt",
        "plus+sign",
        "percent%20literal",
        "100%",
        "naïve/日本語.txt",
        "emoji-🦀",
        "/leading/slash",
        "double//slash",
        "trailing/",
        "question?mark=1&x=#hash",
        "quote'\"<>",
        "semi;colon:at@eq=",
        "dots/./..\u{2025}",
        longest.as_str(),
        longest_unicode.as_str(),
    ];
    let world = World::start(Setup::default()).await?;
    for key in keys {
        world.upload(key, key).await?;
    }
    for execution in world.ended(keys.len()).await? {
        let path = world.path(&execution).await?;
        assert_eq!(path.last().map(String::as_str), Some("Notify"), "{path:?}");
    }
    for key in keys {
        assert_eq!(world.backup(key).await?, key.as_bytes(), "backup of {key:?}");
        assert_eq!(world.replica(key).await?, key.as_bytes(), "replica of {key:?}");
    }
    assert_eq!(world.receipts().await?.len(), keys.len(), "every version has a receipt");
    Ok(())
}
