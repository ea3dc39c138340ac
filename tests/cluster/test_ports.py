import socket

from e2e.cluster.ports import LOOPBACK, free_ports


def test_ports_are_different_and_outside_of_the_kernel_s_own_range() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert all(20000 <= port < 30000 for port in ports)


def test_a_port_in_use_is_passed_over() -> None:
    [port] = free_ports(1)
    with socket.create_server((LOOPBACK, port)):
        assert all(port not in free_ports(9000) for _ in range(5))
