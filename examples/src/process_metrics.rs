use prometheus::Registry;

/// A registry with what the operating system knows of this process, where it is Linux: processor
/// time, memory, file descriptors and the like.
///
/// # Errors
///
/// Never, as the registry is new.
pub fn process_metrics() -> Result<Registry, prometheus::Error> {
    let registry = Registry::new();
    #[cfg(target_os = "linux")]
    {
        let process = prometheus::process_collector::ProcessCollector::for_self();
        registry.register(Box::new(process))?;
    }
    Ok(registry)
}
