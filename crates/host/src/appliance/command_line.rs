//! What a particular kernel should be told beyond what every helper is told.
// SPDX-License-Identifier: BSD-2-Clause

/// Kernel releases by how they begin and end, and their part of the command line.
const EXTRA: [(&str, &str, &str); 1] = [("6.1.", "-cloud-amd64", DEBIAN_6_1_CLOUD)];

/// Initcalls of Debian 12's cloud kernel that cost 0.3 s of start-up without hardware
/// virtualisation and do nothing for a machine that has disks and serial ports alone.
const DEBIAN_6_1_CLOUD: &str = "initcall_blacklist=init_kprobe_trace,\
    load_system_certificate_list,cubictcp_register,crypto_kdf108_init,init_encrypted,inet6_init,\
    slab_sysfs_init,cmos_init,vga_arb_device_init,ksm_init,i8042_init,\
    init_trace_printk_function_export,init_hugetlbfs_fs,audit_classes_init,\
    clockevents_init_sysfs,trace_init_flags_sys_exit,event_trace_init,tracer_init_tracefs";

/// The extra parameters for the kernel of this release (uname -r), or nothing.
pub(super) fn extra(release: &str) -> &'static str {
    EXTRA
        .iter()
        .find(|(start, end, _)| release.starts_with(start) && release.ends_with(end))
        .map_or("", |(_, _, parameters)| parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_kernel_that_was_measured_is_told_to_leave_initcalls_out() {
        assert!(extra("6.1.0-56-cloud-amd64").starts_with("initcall_blacklist="));
        assert!(!extra("6.1.0-56-cloud-amd64").contains(' '));
        for other in ["6.12.95+deb12-cloud-amd64", "6.1.0-56-amd64", ""] {
            assert_eq!(extra(other), "");
        }
    }
}
