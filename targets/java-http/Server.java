// GET / says hello, POST /echo gives the body back, GET /large/N gives N bytes.
// SPDX-License-Identifier: Apache-2.0
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

public final class Server {
    private static final int PERIOD = 251; // of the pattern that /large/N gives

    private Server() {}

    private static void reply(HttpExchange exchange, byte[] body) throws IOException {
        try (exchange) {
            exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
            exchange.getResponseBody().write(body);
        }
    }

    private static void echo(HttpExchange exchange) throws IOException {
        reply(exchange, exchange.getRequestBody().readAllBytes());
    }

    private static void large(HttpExchange exchange) throws IOException {
        byte[] body = new byte[Integer.parseInt(exchange.getRequestURI().getPath().substring("/large/".length()))];
        for (int i = 0; i < body.length; i++) {
            body[i] = (byte) ('a' + i % PERIOD % 26);
        }
        reply(exchange, body);
    }

    public static void main(String[] arguments) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(Integer.parseInt(arguments[0])), 128);
        server.createContext("/echo", Server::echo);
        server.createContext("/large/", Server::large);
        server.createContext("/", exchange -> reply(exchange, "hello\n".getBytes(StandardCharsets.US_ASCII)));
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
    }
}
