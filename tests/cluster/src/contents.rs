//! What a cluster comes with, and namespaces for tests.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::Result;
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota, ServiceAccount};
use kube::{Api, api::PostParams};
use serde_json::json;

use super::{Cluster, credentials::SYSTEM_CLASSES, wait};

impl Cluster {
    /// Makes what every cluster has.
    pub(super) async fn furnish(&self) -> Result<()> {
        self.await_account("default").await?;
        self.let_developers_edit().await?;
        self.let_system_pods_in().await
    }

    /// Makes a namespace that nobody has used before.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn namespace(&self) -> Result<String> {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let name = format!("e2e-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let namespaces: Api<Namespace> = Api::all(self.client());
        let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
        namespaces.create(&PostParams::default(), &namespace).await?;
        self.await_account(&name).await?;
        Ok(name)
    }

    /// Pods need it, and the controller manager makes it a moment after the namespace.
    async fn await_account(&self, namespace: &str) -> Result<()> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        wait::eventually("the default service account is there", Duration::from_mins(1), async || {
            Ok(accounts.get_opt("default").await?)
        })
        .await?;
        Ok(())
    }

    /// Where system priority classes need a quota, the namespace of the cluster's own pods comes with one.
    async fn let_system_pods_in(&self) -> Result<()> {
        let scope = json!({"scopeName": "PriorityClass", "operator": "In", "values": SYSTEM_CLASSES});
        let quota: ResourceQuota = serde_json::from_value(json!({
            "metadata": {"name": "system-pods"},
            "spec": {"hard": {"pods": "1000"}, "scopeSelector": {"matchExpressions": [scope]}},
        }))?;
        let quotas: Api<ResourceQuota> = Api::namespaced(self.client(), "kube-system");
        quotas.create(&PostParams::default(), &quota).await?;
        Ok(())
    }

    async fn let_developers_edit(&self) -> Result<()> {
        self.kubectl(["create", "clusterrolebinding", "devs", "--clusterrole=edit", "--group=devs"]).ok().await?;
        Ok(())
    }
}
