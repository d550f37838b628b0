//! The product runs in every partition of AWS (`aws`, `aws-cn`, `aws-us-gov`, `aws-eusc`, `aws-iso`) and in every region.
//!
//! A resource ARN of another partition fails every execution
//! (<https://github.com/aws/aws-cdk/issues/4597>), so no ARN may contain a literal partition.

use std::path::{Path, PathBuf};

use sandbox::{
    ports::ACCOUNT,
    template::{Settings, Stack},
};
use serde_json::Value;

use crate::machine::{Machine, SOURCE_BUCKET, repository, text};

/// Names of regions in five partitions, with the partition.
const REGIONS: [(&str, &str); 7] = [
    ("aws", "eu-west-1"),
    ("aws", "ap-southeast-7"),
    ("aws-cn", "cn-north-1"),
    ("aws-us-gov", "us-gov-west-1"),
    ("aws-eusc", "eusc-de-east-1"),
    ("aws-iso", "us-iso-east-1"),
    ("aws-iso-b", "us-isob-east-1"),
];

fn read_with(parameters: &[(&str, &str)]) -> Result<Stack, String> {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let settings = Settings {
        stack: "holdfast".to_owned(),
        region: "eu-west-1".to_owned(),
        account: ACCOUNT.to_owned(),
        parameters: parameters.chain([("ExistingSourceBucketName".to_owned(), SOURCE_BUCKET.to_owned())]).collect(),
    };
    Stack::read(&repository("template.yaml"), &settings).map_err(|error| error.to_string())
}

/// The Rust files of a folder, without files and folders of tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Text in front of the tests of a file, without its comments.
fn product_code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn product_code_has_no_literal_partition() {
    let mut files = Vec::new();
    for folder in ["crates", "functions"] {
        for entry in std::fs::read_dir(repository(folder)).unwrap() {
            sources(&entry.unwrap().path().join("src"), &mut files);
        }
    }

    assert!(files.len() > 100, "{} files", files.len());
    for file in files {
        let code = product_code(&std::fs::read_to_string(&file).unwrap());
        assert!(!code.contains("arn:aws"), "{} contains a literal partition", file.display());
    }
}

#[test]
fn the_template_and_the_state_machine_have_no_literal_partition() {
    for path in ["template.yaml", "statemachine/backup.asl.json"] {
        let source = text(path);
        let arns = source.match_indices("arn:").map(|(at, _)| &source[at..]);
        for arn in arns {
            let is_general = ["arn:${AWS::Partition}:", "arn:${Partition}:", "arn:[a-z-]+:"];
            assert!(is_general.iter().any(|start| arn.starts_with(start)), "{path}: {arn:.60}");
        }
    }
    let definition: Value = serde_json::from_str(&text("statemachine/backup.asl.json")).unwrap();
    assert_eq!(
        definition.to_string().matches("arn:${Partition}:states:::lambda:invoke").count(),
        Machine::read().tasks().count(),
        "every Task"
    );
}

#[test]
fn every_region_name_is_accepted_for_the_replica() {
    for (_, region) in REGIONS {
        let read = read_with(&[("ReplicaBucketName", "replica"), ("ReplicaRegion", region)]);
        assert!(read.is_ok(), "{region}: {}", read.unwrap_err());
    }
    for invalid in ["eu", "eu-west", "EU-WEST-1", "eu-west-1a", "eu_west_1"] {
        assert!(read_with(&[("ReplicaBucketName", "replica"), ("ReplicaRegion", invalid)]).is_err(), "{invalid}");
    }
}

#[test]
fn keys_of_every_partition_and_multi_region_keys_are_accepted() {
    for parameter in ["KmsKeyId", "SourceKmsKeyId", "ReplicaKmsKeyId"] {
        for (partition, region) in REGIONS {
            for id in ["1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-1234abcd12ab34cd56ef1234567890ab"] {
                let arn = format!("arn:{partition}:kms:{region}:111122223333:key/{id}");
                let read = read_with(&[(parameter, &arn)]);
                assert!(read.is_ok(), "{parameter} {arn}: {}", read.unwrap_err());
            }
        }
        assert!(read_with(&[(parameter, "alias/backups")]).is_err(), "{parameter}");
    }
}
