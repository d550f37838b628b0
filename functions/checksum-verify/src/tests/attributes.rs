//! Attributes and tags of a copy: compared with the planned ones, repaired if S3 allows it, reported.

use aws_sdk_s3::{
    Client,
    operation::put_object_tagging::{PutObjectTaggingInput, PutObjectTaggingOutput},
    types::{Tag, Tagging},
};
use aws_smithy_mocks::mock;
use holdfast_core::checksum::Crc64Nvme;
use holdfast_s3::testing::Sent;

use super::{
    backup::{as_planned, head, input, proven, small, tagged},
    call,
};

#[tokio::test]
async fn tags_that_differ_are_set_again_and_reported() {
    let sent = Sent::<PutObjectTaggingInput>::default();
    let record = sent.clone();
    let put = mock!(Client::put_object_tagging)
        .match_requests(move |request| record.note(request))
        .then_output(|| PutObjectTaggingOutput::builder().build());
    let rules = [head(as_planned(3, Some(Crc64Nvme::of(b"abc"))).tag_count(2)), tagged("red"), put];

    let evidence = proven(call("stored", input(&small(), &[], None), &rules.each_ref()).await);

    let [difference] = &evidence.differences[..] else { panic!("{:?}", evidence.differences) };
    assert_eq!((difference.name.as_str(), difference.repaired), ("tags.team", true));
    assert_eq!((difference.expected.as_deref(), difference.found.as_deref()), (Some("blue"), Some("red")));
    let tag = Tag::builder().key("team").value("blue").build().unwrap();
    let tagging = Tagging::builder().tag_set(tag).build().unwrap();
    let expected = PutObjectTaggingInput::builder().bucket("dst").key("a b").version_id("w1").tagging(tagging);
    assert_eq!(sent.all(), [expected.build().unwrap()]);
}

#[tokio::test]
async fn attributes_that_differ_are_reported_with_the_planned_storage_class() {
    let mut backup = small();
    backup.copy.attributes.storage_class = Some("STANDARD_IA".to_owned());
    let object = as_planned(3, backup.copy.crc64nvme).content_type("text/html").metadata("owner", "bob");

    let evidence = proven(call("stored", input(&backup, &[], None), &[&head(object)]).await);

    let names: Vec<_> = evidence.differences.iter().map(|difference| difference.name.as_str()).collect();
    assert_eq!(names, ["contentType", "metadata.owner", "storageClass"]);
    assert!(evidence.differences.iter().all(|difference| !difference.repaired));
}

#[tokio::test]
async fn displaced_metadata_is_reported_as_a_difference() {
    let mut backup = small();
    backup.copy.displaced_metadata = [("notes".to_owned(), "large".to_owned())].into();

    let evidence =
        proven(call("stored", input(&backup, &[], None), &[&head(as_planned(3, backup.copy.crc64nvme))]).await);

    let [difference] = &evidence.differences[..] else { panic!("{:?}", evidence.differences) };
    assert_eq!((difference.name.as_str(), difference.repaired), ("metadata.notes", false));
    assert_eq!((difference.expected.as_deref(), difference.found.as_deref()), (Some("large"), None));
}
