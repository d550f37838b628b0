//! Wiring only: see the library.

#[tokio::main]
async fn main() -> Result<(), holdfast_lambda::RuntimeError> {
    holdfast_lambda::serve::<cross_region_replicate::CrossRegionReplicate>().await
}
