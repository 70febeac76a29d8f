module sockspec/go-http

go 1.19
