//! One module per kernel symbol; the variants of a hook (fentry, kprobe, tracepoint) share a body.

mod answered;
mod filp_flush;
mod go_close;
mod held_open;
mod inet_csk_complete_hashdance;
mod inet_csk_reqsk_queue_add;
mod inet_sock_set_state;
mod net_dev_start_xmit;
mod netif_receive_skb;
mod sched_process;
mod security_sock_graft;
mod sys_enter;
mod tcp_close;
mod tcp_destroy_sock;
mod tcp_receive_reset;
mod tcp_retransmit_skb;
mod tcp_send_active_reset;
mod tcp_send_fin;
mod tcp_send_reset;
mod tcp_shutdown;
mod tcp_v4_send_reset;
mod tcp_v6_send_reset;
mod tcp_vx_send_reset;
mod tcx;
