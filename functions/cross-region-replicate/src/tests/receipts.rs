//! What has no room for its stamp: the receipt says which replica is the upload's.

use aws_sdk_s3::{operation::get_object::GetObjectOutput, primitives::ByteStream};
use holdfast_core::contract::{Placement, StampPlace};
use holdfast_s3::testing::{multipart, s3_error};

use super::*;

/// The receipt of the upload, if there is one: it names this version of this key as the replica.
fn filed(named: Option<(&'static str, &'static str, &'static str)>) -> Rule {
    let asked = mock!(Client::get_object).match_requests(|request| {
        (request.bucket(), request.key()) == (Some("dst"), Some(".holdfast/receipts/src/a b/v1.json"))
    });
    let Some((bucket, key, version)) = named else {
        return asked.then_http_response(|| s3_error(404, "NoSuchKey", "none"));
    };
    let copy = |bucket: &str, key: &str, version: &str| {
        let destination = json!({"bucket": bucket, "key": key, "region": "eu-north-1"});
        json!({"destination": destination, "stored": {"versionId": version, "etag": "standing"}, "evidence": {}})
    };
    let receipt = json!({
        "backup": copy("dst", "a b", "b/1"), "replica": copy(bucket, key, version),
        "execution": {"arn": "arn"}, "receiptVersion": 9
    });
    asked.then_output(move || {
        let body = ByteStream::from(receipt.to_string().into_bytes());
        GetObjectOutput::builder().e_tag("\"receipt\"").body(body).build()
    })
}

/// HeadObject of the version that receipts here name.
fn named(etag: Option<&'static str>) -> Rule {
    let asked = mock!(Client::head_object)
        .match_requests(|request| (request.bucket(), request.version_id()) == (Some("rep"), Some("r7")));
    let Some(etag) = etag else { return asked.then_http_response(|| bare(404)) };
    asked.then_output(move || testing::head_object().version_id("r7").e_tag(etag).content_length(5).build())
}

fn unstamped() -> Transfer {
    Transfer { stamp_place: StampPlace::Receipt, ..multipart(100, 50) }
}

#[tokio::test]
async fn a_replica_that_a_receipt_names_is_answered_as_long_as_it_stands() {
    let late = ".holdfast/late/a b/v1";
    for (receipt, etag, placement, why) in [
        (Some(("rep", "a b", "r7")), Some("\"standing\""), Some(Placement::Current), "it is the upload's replica"),
        (Some(("rep", late, "r7")), Some("\"standing\""), Some(Placement::Late), "so is one among the late ones"),
        (Some(("rep", "a b", "r7")), Some("\"other\""), None, "in a bucket without versions it was overwritten"),
        (Some(("rep", "a b", "r7")), None, None, "it was deleted"),
        (Some(("old", "a b", "r7")), Some("\"standing\""), None, "the stack had another replica bucket"),
        (None, None, None, "the upload has no receipt yet"),
    ] {
        let (filed, named, absent, open) = (filed(receipt), named(etag), head("rep", "a b", None), opened());
        let plan = ask(&[&filed, &named, &absent, &open], "10", input(&unstamped())).await.unwrap();
        let found = plan.stored.map(|stored| (stored.version_id.unwrap().to_string(), plan.transfer.placement));
        assert_eq!(found, placement.map(|placement| ("r7".to_owned(), placement)), "{why}");
        assert_eq!(open.num_calls(), usize::from(placement.is_none()), "{why}");
    }
}

#[tokio::test]
async fn no_receipt_is_asked_for_where_the_replica_has_its_stamp() {
    let (receipt, absent, open) = (filed(None), head("rep", "a b", None), opened());
    ask(&[&receipt, &absent, &open], "10", input(&multipart(100, 50))).await.unwrap();
    assert_eq!(receipt.num_calls(), 0);
}
