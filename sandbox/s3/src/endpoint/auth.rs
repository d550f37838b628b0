//! Access keys, and bucket names in hosts. The module `access` checks permissions.

use std::sync::Arc;

use s3s::{
    S3Result,
    auth::{S3Auth, SecretKey},
    host::{S3Host, VirtualHost},
    s3_error,
};
use sandbox_core::identity::Keyring;

/// Looks secrets up in the sandbox's keyring.
pub(crate) struct KeyringAuth {
    pub(crate) keyring: Arc<Keyring>,
}

#[async_trait::async_trait]
impl S3Auth for KeyringAuth {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let identity = self.keyring.get(access_key).ok_or_else(|| {
            s3_error!(InvalidAccessKeyId, "The AWS Access Key Id you provided does not exist in our records.")
        })?;
        Ok(SecretKey::from(identity.secret_access_key))
    }
}

/// Reads `bucket.localhost` as a bucket, and every other host as none.
pub(crate) struct LocalHost;

impl S3Host for LocalHost {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let plain = VirtualHost::new(host);
        Ok(match bucket_of_host(host) {
            Some(bucket) => plain.with_bucket(bucket),
            None => plain,
        })
    }
}

/// The bucket in a `Host` header.
pub(crate) fn bucket_of_host(host: &str) -> Option<&str> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.strip_suffix(".localhost")?;
    let bucket = name.strip_suffix(".s3").unwrap_or(name);
    (bucket != "s3" && !bucket.is_empty()).then_some(bucket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_subdomain_of_localhost_names_a_bucket() {
        assert_eq!(bucket_of_host("photos.localhost:4566"), Some("photos"));
        assert_eq!(bucket_of_host("my.photos.localhost"), Some("my.photos"));
        assert_eq!(bucket_of_host("photos.s3.localhost:1"), Some("photos"));
        assert_eq!(bucket_of_host("s3.localhost:1"), None);
        assert_eq!(bucket_of_host("localhost:4566"), None);
        assert_eq!(bucket_of_host("127.0.0.1:4566"), None);
        assert_eq!(bucket_of_host("backup.example.com"), None);
    }
}
