// Serves the CloudTrail of fakecloud, behind fakecloud's own front, on the loopback port that is its argument.
use axum::{Extension, Router};
use fakecloud_cloudtrail::{CloudTrailService, SharedCloudTrailState};
use fakecloud_core::dispatch::{dispatch, DispatchConfig};
use fakecloud_core::{multi_account::MultiAccountState, registry::ServiceRegistry};
use parking_lot::RwLock;
use std::{net::SocketAddr, sync::Arc};

#[tokio::main]
async fn main() {
    let (region, account) = ("us-east-1", "123456789012");
    let address = format!("127.0.0.1:{}", std::env::args().nth(1).expect("a port"));
    let state = MultiAccountState::new(account, region, &format!("http://{address}"));
    let state: SharedCloudTrailState = Arc::new(RwLock::new(state));
    let mut registry = ServiceRegistry::new();
    registry.register(Arc::new(CloudTrailService::new(state)));
    let app = Router::new()
        .fallback(dispatch)
        .layer(Extension(Arc::new(registry)))
        .layer(Extension(Arc::new(DispatchConfig::new(region, account))));
    let listener = tokio::net::TcpListener::bind(&address).await.unwrap();
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .await
        .unwrap();
}
