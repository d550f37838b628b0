//! Reads receipts.

use aws_sdk_s3::Client;
use holdfast_core::{contract::ReceiptRef, receipt::Receipt};

use crate::AwsError;

/// Reads one receipt.
pub async fn read(s3: &Client, reference: &ReceiptRef) -> Result<Receipt, AwsError> {
    let problem = || format!("the receipt s3://{}/{} cannot be read", reference.bucket, reference.key);
    let request = s3.get_object().bucket(reference.bucket.as_str()).key(reference.key.as_str());
    let output = request.send().await.map_err(|error| AwsError::new(problem(), &error.into_service_error()))?;
    let bytes = output.body.collect().await.map_err(|error| AwsError::unexpected(problem(), error))?;
    serde_json::from_slice(&bytes.into_bytes()).map_err(|error| AwsError::unexpected(problem(), error))
}
