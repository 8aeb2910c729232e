//! Flags that say who may read.

use super::duration;
use std::path::PathBuf;
use std::time::Duration;

/// Who may read.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Reading")]
pub struct ReadingArgs {
    /// Let whoever reaches the hub read everything. Without it, reading takes a token (`shipperctl hub tokens create`) or signing in.
    #[arg(long, env = "SHIPPER_ANONYMOUS_READ", conflicts_with = "oidc_issuer")]
    pub anonymous_read: bool,

    #[allow(rustdoc::bare_urls, reason = "it is shown by --help, as it stands here")]
    /// Where people reach the hub, as their browsers name it: https://shipper.example.com. With https, cookies are for https alone.
    #[arg(long, env = "SHIPPER_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// Sign people in at this OpenID Connect provider; the issuer exactly as it names itself. Register PUBLIC_URL/login/callback there.
    #[arg(long, env = "SHIPPER_OIDC_ISSUER", value_name = "URL", requires_all = ["oidc_client_id", "public_url", "access_file"])]
    pub oidc_issuer: Option<String>,

    /// The hub's client id at the provider.
    #[arg(long, env = "SHIPPER_OIDC_CLIENT_ID", value_name = "ID")]
    pub oidc_client_id: Option<String>,

    /// File with the client's secret. Without it the hub is a public client, which the provider has to allow.
    #[arg(long, env = "SHIPPER_OIDC_CLIENT_SECRET_FILE", value_name = "FILE")]
    pub oidc_client_secret_file: Option<PathBuf>,

    /// What the provider is asked to tell, beside `groups` where it offers that.
    #[arg(
        long,
        env = "SHIPPER_OIDC_SCOPES",
        value_name = "SCOPES",
        value_delimiter = ',',
        default_value = "openid,profile,email"
    )]
    pub oidc_scopes: Vec<String>,

    /// The claim that has a person's groups, or the path to it: realm_access.roles.
    #[arg(long, env = "SHIPPER_OIDC_GROUPS_CLAIM", value_name = "CLAIM", default_value = "groups")]
    pub oidc_groups_claim: String,

    /// YAML file that says which groups and people see which namespaces, read again when it changes.
    /// One line: `groups: {shop-team: [shop, blog], sre: ['*']}`.
    #[arg(long, env = "SHIPPER_ACCESS_FILE", value_name = "FILE")]
    pub access_file: Option<PathBuf>,

    /// Who does nothing for so long is signed out.
    #[arg(long, env = "SHIPPER_SESSION_IDLE", value_name = "TIME", default_value = "8h", value_parser = duration)]
    pub session_idle: Duration,

    /// Everybody is signed out after so long. Groups are those of the last sign-in.
    #[arg(long, env = "SHIPPER_SESSION_LIFETIME", value_name = "TIME", default_value = "24h", value_parser = duration)]
    pub session_lifetime: Duration,
}
