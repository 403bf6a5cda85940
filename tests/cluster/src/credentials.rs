//! Keys, certificates, tokens and kubeconfigs of the control plane.

use std::{fmt::Write, fs, path::PathBuf};

use anyhow::Result;
use kube::config::Kubeconfig;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use serde_json::{Value, json};

use super::api_server::Server;

/// Somebody who speaks to the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// A member of `system:masters`: may do everything.
    Admin,
    /// A member of the group `devs`: may do in namespaces what the role `edit` allows.
    Dev,
    /// The controller manager.
    ControllerManager,
    /// The node agent and the service proxy.
    Node,
}

impl User {
    const ALL: [Self; 4] = [Self::Admin, Self::Dev, Self::ControllerManager, Self::Node];

    /// The user's name, as in `kubectl auth whoami`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Dev => "dev",
            Self::ControllerManager => "system:kube-controller-manager",
            Self::Node => "node-agent",
        }
    }

    fn group(self) -> Option<&'static str> {
        match self {
            Self::Admin | Self::Node => Some("system:masters"),
            Self::Dev => Some("devs"),
            Self::ControllerManager => None,
        }
    }

    /// Nothing outside the network namespace can present it, so it need not be a secret.
    fn token(self) -> String {
        format!("token-of-{}", self.name().replace(':', "-"))
    }
}

/// The name in the certificate that the API server presents to webhooks that ask for one.
pub const WEBHOOK_CALLER: &str = "kube-apiserver-webhooks";

/// The priority classes of what keeps a cluster alive; see [`Credentials::admission`].
pub const SYSTEM_CLASSES: [&str; 2] = ["system-node-critical", "system-cluster-critical"];

/// Files that the programs of the control plane are given.
#[derive(Clone)]
pub struct Credentials {
    folder: PathBuf,
}

impl Credentials {
    /// Makes them all in a folder.
    ///
    /// # Errors
    /// When a key cannot be made or a file not be written.
    pub fn create(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder)?;
        let all = Self { folder };

        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "kubernetes");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let service =
            ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];
        let mut names: Vec<String> = Server::ALL.map(Server::address).map(String::from).into();
        names.extend(["10.96.0.1", "127.0.0.1"].into_iter().chain(service).map(String::from));
        let mut serving = CertificateParams::new(names)?;
        serving.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        let serving = serving.signed_by(&key, &authority)?;
        fs::write(all.authority(), authority.pem())?;
        fs::write(all.serving_certificate(), serving.pem())?;
        fs::write(all.serving_key(), key.serialize_pem())?;
        let webhooks_key = KeyPair::generate()?;
        let mut webhooks = CertificateParams::default();
        webhooks.distinguished_name.push(DnType::CommonName, WEBHOOK_CALLER);
        webhooks.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        fs::write(all.folder.join("webhooks.crt"), webhooks.signed_by(&webhooks_key, &authority)?.pem())?;
        fs::write(all.folder.join("webhooks.key"), webhooks_key.serialize_pem())?;
        fs::write(all.webhooks_kubeconfig(), all.webhooks_kubeconfig_text().to_string())?;
        fs::write(all.admission(), all.admission_text().to_string())?;
        let accounts = KeyPair::generate()?;
        fs::write(all.service_account_key(), accounts.serialize_pem())?;
        fs::write(all.service_account_public_key(), accounts.public_key_pem())?;

        let mut tokens = String::new();
        for user in User::ALL {
            let groups = user.group().map(|group| format!(",\"{group}\"")).unwrap_or_default();
            writeln!(tokens, "{},{name},{name}{groups}", user.token(), name = user.name())?;
            for server in Server::ALL {
                fs::write(all.kubeconfig(user, server), all.kubeconfig_text(user, server).to_string())?;
            }
        }
        fs::write(all.tokens(), tokens)?;
        Ok(all)
    }

    /// The certificate that signed the API server's.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// The API server's certificate.
    pub fn serving_certificate(&self) -> PathBuf {
        self.folder.join("apiserver.crt")
    }

    /// The API server's key.
    pub fn serving_key(&self) -> PathBuf {
        self.folder.join("apiserver.key")
    }

    /// The key that signs service accounts' tokens (ECDSA P-256, PKCS #8).
    pub fn service_account_key(&self) -> PathBuf {
        self.folder.join("service-account.key")
    }

    /// The key that verifies them; the API server does not take it from a PKCS #8 file.
    pub fn service_account_public_key(&self) -> PathBuf {
        self.folder.join("service-account.pub")
    }

    /// The API server's file of static tokens.
    pub fn tokens(&self) -> PathBuf {
        self.folder.join("tokens.csv")
    }

    /// Tells the API server's admission which certificate to present to webhooks, and that pods of a system priority class
    /// need a quota that speaks of it, as clouds have it.
    pub fn admission(&self) -> PathBuf {
        self.folder.join("admission.json")
    }

    fn webhooks_kubeconfig(&self) -> PathBuf {
        self.folder.join("webhooks.kubeconfig")
    }

    fn admission_text(&self) -> Value {
        let plugin = |name: &str| {
            json!({
                "name": name,
                "configuration": {
                    "apiVersion": "apiserver.config.k8s.io/v1",
                    "kind": "WebhookAdmissionConfiguration",
                    "kubeConfigFile": self.webhooks_kubeconfig(),
                },
            })
        };
        let quota = json!({
            "name": "ResourceQuota",
            "configuration": {
                "apiVersion": "apiserver.config.k8s.io/v1",
                "kind": "ResourceQuotaConfiguration",
                "limitedResources": [{
                    "resource": "pods",
                    "matchScopes": [{"scopeName": "PriorityClass", "operator": "In", "values": SYSTEM_CLASSES}],
                }],
            },
        });
        json!({
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AdmissionConfiguration",
            "plugins": [plugin("MutatingAdmissionWebhook"), plugin("ValidatingAdmissionWebhook"), quota],
        })
    }

    fn webhooks_kubeconfig_text(&self) -> Value {
        let pair = json!({
            "client-certificate": self.folder.join("webhooks.crt"),
            "client-key": self.folder.join("webhooks.key"),
        });
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "users": [{"name": "*", "user": pair}], // presented to whoever asks
        })
    }

    /// The kubeconfig file of a user of an API server.
    pub fn kubeconfig(&self, user: User, server: Server) -> PathBuf {
        self.folder.join(format!("{}-{}.kubeconfig", user.name().replace(':', "-"), server.number()))
    }

    /// The same for a client in this program.
    ///
    /// # Errors
    /// None that could happen: it is made of constants.
    pub fn kubeconfig_of(&self, user: User, server: Server) -> Result<Kubeconfig> {
        Ok(serde_json::from_value(self.kubeconfig_text(user, server))?)
    }

    fn kubeconfig_text(&self, user: User, server: Server) -> Value {
        let server = format!("https://{}:6443", server.address());
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "e2e", "cluster": { "server": server, "certificate-authority": self.authority() } }],
            "users": [{ "name": user.name(), "user": { "token": user.token() } }],
            "contexts": [{ "name": "e2e", "context": { "cluster": "e2e", "user": user.name() } }],
            "current-context": "e2e",
        })
    }
}
