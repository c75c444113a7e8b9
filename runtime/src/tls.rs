//! TLS: the platform's roots, and what to do where there are none.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::StartError;

/// TLS against the platform's roots. All watches of a process share it: the roots are read once, and
/// sessions are resumed across reconnects.
///
/// Where the platform has no roots at all, as in a bare container, Mozilla's stand in: to refuse every
/// server would be safe, and of no use.
///
/// # Errors
///
/// If this crate was built without cryptography (features `ring` and `aws-lc-rs`) and the application
/// installed none.
pub fn tls_config() -> Result<ClientConfig, StartError> {
    static SHARED: OnceLock<Result<ClientConfig, String>> = OnceLock::new();
    SHARED.get_or_init(build).clone().map_err(StartError::Client)
}

/// TLS for a client that will only ever speak plain `http`: it trusts nobody, and reads no roots that may
/// not be there.
///
/// # Errors
///
/// As [`tls_config`].
pub fn plain_tls_config() -> Result<ClientConfig, StartError> {
    let builder = builder().map_err(StartError::Client)?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn build() -> Result<ClientConfig, String> {
    match builder()?.with_platform_verifier() {
        Ok(config) => Ok(config.with_no_client_auth()),
        Err(_) => {
            let roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
            Ok(builder()?.with_root_certificates(roots).with_no_client_auth())
        }
    }
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, String> {
    ClientConfig::builder_with_provider(provider()?)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())
}

/// The cryptography: what the application installed for its process, or what this crate was built with.
fn provider() -> Result<Arc<CryptoProvider>, String> {
    if let Some(installed) = CryptoProvider::get_default() {
        return Ok(Arc::clone(installed));
    }
    #[cfg(feature = "ring")]
    return Ok(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
    return Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    Err("https needs the feature `ring` or `aws-lc-rs`, or a CryptoProvider installed".into())
}
