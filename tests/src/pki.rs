//! Certificates and keys of the control planes, made afresh for each.

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// What one API server needs, all PEM.
#[derive(Debug)]
pub(crate) struct Pki {
    /// The authority that clients are to trust.
    pub(crate) ca: String,
    /// Certificate of the API server for 127.0.0.1.
    pub(crate) certificate: String,
    /// Its private key.
    pub(crate) key: String,
    /// Private key that signs the tokens of service accounts.
    pub(crate) service_account_key: String,
    /// The public half of it.
    pub(crate) service_account_public_key: String,
}

impl Pki {
    pub(crate) fn generate() -> Result<Self> {
        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "shipper-tests");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let ca_certificate = ca.self_signed(&ca_key)?;
        let issuer = Issuer::from_params(&ca, &ca_key);

        let key = KeyPair::generate()?;
        let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(ToOwned::to_owned);
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = leaf.signed_by(&key, &issuer)?;

        let service_accounts = KeyPair::generate()?;
        Ok(Self {
            ca: ca_certificate.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            service_account_key: service_accounts.serialize_pem(),
            service_account_public_key: service_accounts.public_key_pem(),
        })
    }
}
