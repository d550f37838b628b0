//! Keys whose encodings differ between events, copy sources and signatures.

use holdfast_tests::{
    TestResult,
    fixture::{Fixture, Setup},
};

#[tokio::test]
async fn copies_have_the_exact_key_of_their_source() -> TestResult {
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
    let fixture = Fixture::start(Setup::default()).await?;
    for key in keys {
        fixture.upload(key, key).await?;
    }
    for execution in fixture.wait_for_executions(keys.len()).await? {
        let path = fixture.path(&execution).await?;
        assert_eq!(path.last().map(String::as_str), Some("Notify"), "{path:?}");
    }

    for key in keys {
        assert_eq!(fixture.backup(key).await?, key.as_bytes(), "backup of {key:?}");
        assert_eq!(fixture.replica(key).await?, key.as_bytes(), "replica of {key:?}");
    }
    assert_eq!(fixture.receipts().await?.len(), keys.len(), "every version has a receipt");
    Ok(())
}
