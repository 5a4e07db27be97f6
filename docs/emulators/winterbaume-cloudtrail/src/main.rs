// Serves the CloudTrail of winterbaume on the loopback port that is its argument.
use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, server::conn::http1, service::service_fn, Request, Response};
use std::{convert::Infallible, sync::Arc};
use winterbaume_cloudtrail::CloudTrailService;
use winterbaume_core::{auth, MockRequest, MockResponse, MockService};

async fn answer(
    service: Arc<CloudTrailService>,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let known = auth::extract_service_from_headers(&head.headers).is_some_and(|name| name == service.service_name());
    let host = head
        .headers
        .get("host")
        .and_then(|h| h.to_str().ok())
        .unwrap_or("localhost");
    let reply = if known {
        let body = body.collect().await.map(|b| b.to_bytes()).unwrap_or_default();
        let uri = format!("https://{host}{}", head.uri);
        service
            .handle(MockRequest {
                method: head.method.to_string(),
                uri,
                headers: head.headers,
                body,
            })
            .await
    } else {
        MockResponse::json(404, r#"{"__type":"UnknownService"}"#)
    };
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = http::StatusCode::from_u16(reply.status).unwrap();
    *response.headers_mut() = reply.headers;
    Ok(response)
}

#[tokio::main]
async fn main() {
    let port = std::env::args().nth(1).expect("a port");
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .unwrap();
    let service = Arc::new(CloudTrailService::new());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service.clone();
        let each = service_fn(move |request| answer(service.clone(), request));
        tokio::spawn(http1::Builder::new().serve_connection(hyper_util::rt::TokioIo::new(stream), each));
    }
}
