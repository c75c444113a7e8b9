//! Certificates, good ones and the three kinds of bad ones, all made on the spot.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What is wrong with a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Nothing: it is for `localhost`, valid, and signed by the authority.
    Good,
    /// It was valid until the end of 2020.
    Expired,
    /// It is for another name.
    WrongHost,
    /// It is signed by an authority that nobody trusts.
    UnknownAuthority,
}

/// An authority that signs whatever it is asked to.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one, with a key of its own.
    ///
    /// # Errors
    ///
    /// If no key can be made.
    pub fn new() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "dormouse-testkit");
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Its certificate, for a client's trusted roots.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// TLS for a server whose certificate is like that.
    ///
    /// # Errors
    ///
    /// If no certificate can be made.
    pub fn server(
        &self,
        certificate: Certificate,
    ) -> Result<Arc<ServerConfig>, Box<dyn std::error::Error>> {
        let name =
            if certificate == Certificate::WrongHost { "elsewhere.test" } else { "localhost" };
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.not_before = date_time_ymd(2020, 1, 1);
        if certificate == Certificate::Expired {
            params.not_after = date_time_ymd(2020, 12, 31);
        }
        let key = KeyPair::generate()?;
        let signed = if certificate == Certificate::UnknownAuthority {
            params.signed_by(&key, &Self::new()?.0)?
        } else {
            params.signed_by(&key, &self.0)?
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key)?;
        Ok(Arc::new(config))
    }
}
