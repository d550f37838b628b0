//! What the configuration refuses: invalid variables, and buckets that loop.

use holdfast_core::ErrorName;

use super::*;

#[test]
fn an_invalid_variable_is_named_with_what_is_expected() {
    for (variables, words) in [
        (vec![("BACKUP_BUCKET", "")], "BACKUP_BUCKET is missing. Set BACKUP_BUCKET to the name of a bucket"),
        (vec![("REPLICA_BUCKET", "rep")], "REPLICA_REGION is missing"),
        (vec![("REPLICA_BUCKET", "dst"), ("REPLICA_REGION", "eu-north-1")], "REPLICA_BUCKET is the backup bucket"),
        (vec![("MULTIPART_THRESHOLD", "8 MiB")], "MULTIPART_THRESHOLD is \"8 MiB\""),
        (vec![("VERIFY_MODE", "maybe")], "Set VERIFY_MODE to stored or streamed"),
        (vec![("STORAGE_CLASS", "COLD")], "Set STORAGE_CLASS to one of STANDARD"),
        (vec![("STORAGE_CLASS", "GLACIER"), ("VERIFY_MODE", "streamed")], "VERIFY_MODE=streamed reads the backup"),
        (
            vec![("STORAGE_CLASS", "DEEP_ARCHIVE"), ("REPLICA_BUCKET", "rep"), ("REPLICA_REGION", "eu-north-1")],
            "the replica is copied from the backup",
        ),
        (
            vec![("RECEIPT_PREFIX", "receipts/")],
            "RECEIPT_PREFIX is \"receipts/\", which in the backup bucket is a prefix of backups",
        ),
        (vec![("RECEIPT_PREFIX", "receipts/"), ("RECEIPT_BUCKET", "dst")], "a prefix under .holdfast/"),
    ] {
        let environment = [("BACKUP_BUCKET", "dst")].into_iter().chain(variables).collect();
        let aws = Aws::with_s3(mock_client!(aws_sdk_s3, RuleMode::MatchAny, [] as [&Rule; 0]));
        let error = holdfast_core::failure::report(&Validate::new(&environment, aws).unwrap_err());
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_source_bucket_that_holdfast_writes_to_is_refused() {
    for (environment, variable) in [
        (vec![("BACKUP_BUCKET", "src")], "BACKUP_BUCKET"),
        (vec![("REPLICA_BUCKET", "src"), ("REPLICA_REGION", "eu-west-1")], "REPLICA_BUCKET"),
        (vec![("RECEIPT_BUCKET", "src"), ("RECEIPT_PREFIX", "receipts/")], "RECEIPT_BUCKET"),
    ] {
        let error = call(&[], &environment, input(event())).await.unwrap_err();

        assert_eq!(error.name(), ErrorName::ConfigLoop, "{error}");
        assert!(report(&error).contains(variable), "{error}");
    }
}

#[tokio::test]
async fn receipts_in_the_source_bucket_are_allowed_if_their_events_are_excluded() {
    for environment in [
        vec![("RECEIPT_BUCKET", "src")],
        vec![("RECEIPT_BUCKET", "src"), ("RECEIPT_PREFIX", "receipts/"), ("EXCLUDE_PREFIXES", "receipts/")],
    ] {
        let rules = [&head("src", Some("v1"), source()), &absent("dst"), &tags(&[])];

        let plan = call(&rules, &environment, input(event())).await.unwrap();

        assert_eq!(skip_reason(&plan), None, "{plan:?}");
    }
}
