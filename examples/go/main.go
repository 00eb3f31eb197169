// A whole client: creates a container, deploys an image, shows its url, deletes it again. See the README for how its generated
// code is made.
//
//	go run . 127.0.0.1:50051 registry.example.com/team/app:1.4.2
//
// By TLS where LONGSHORE_TLS_CA, LONGSHORE_TLS_CERT and LONGSHORE_TLS_KEY name PEM files: the authority of the server, and a
// certificate of ours.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	containers "example.com/longshore-client/gen/longshore/containers/v1"
	operation "example.com/longshore-client/gen/longshore/operation/v1"
)

type client struct {
	containers containers.ContainerServiceClient
	operations operation.OperationServiceClient
}

// done waits until an operation has ended, and returns the reason if it failed. It takes what the call that made it returned.
func (c client) done(ctx context.Context, op *operation.Operation, err error) (*operation.Operation, error) {
	for err == nil && !op.GetDone() {
		op, err = c.operations.Wait(ctx, &operation.WaitOperationRequest{
			OperationId: op.GetId(),
			Timeout:     durationpb.New(30 * time.Second),
		})
	}
	if err == nil && op.GetError() != nil {
		err = status.ErrorProto(op.GetError())
	}
	return op, err
}

func (c client) run(ctx context.Context, image string) error {
	op, err := c.containers.Create(ctx, &containers.CreateContainerRequest{FolderId: "examples", Name: "hello-go"})
	if op, err = c.done(ctx, op, err); err != nil {
		return err
	}
	var created containers.Container
	if err := op.GetResponse().UnmarshalTo(&created); err != nil {
		return err
	}
	return errors.Join(c.deploy(ctx, created.GetId(), image), c.remove(ctx, created.GetId()))
}

func (c client) deploy(ctx context.Context, id, image string) error {
	op, err := c.containers.DeployRevision(ctx, &containers.DeployContainerRevisionRequest{
		ContainerId: id,
		ImageSpec:   &containers.ImageSpec{ImageUrl: image},
	})
	if op, err = c.done(ctx, op, err); err != nil {
		return err
	}
	var revision containers.Revision
	if err := op.GetResponse().UnmarshalTo(&revision); err != nil {
		return err
	}
	container, err := c.containers.Get(ctx, &containers.GetContainerRequest{ContainerId: id})
	if err != nil {
		return err
	}
	fmt.Printf("%s (%s) answers at %s\n", image, revision.GetImage().GetImageDigest(), container.GetUrl())
	return nil
}

func (c client) remove(ctx context.Context, id string) error {
	op, err := c.containers.Delete(ctx, &containers.DeleteContainerRequest{ContainerId: id})
	_, err = c.done(ctx, op, err)
	return err
}

func transport() (credentials.TransportCredentials, error) {
	ca, cert, key := os.Getenv("LONGSHORE_TLS_CA"), os.Getenv("LONGSHORE_TLS_CERT"), os.Getenv("LONGSHORE_TLS_KEY")
	if ca == "" || cert == "" || key == "" {
		return insecure.NewCredentials(), nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s holds no certificate", ca)
	}
	return credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool}), nil
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: go run . ADDRESS IMAGE")
	}
	secured, err := transport()
	if err != nil {
		log.Fatal(err)
	}
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(secured))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	c := client{containers.NewContainerServiceClient(connection), operation.NewOperationServiceClient(connection)}
	if err := c.run(ctx, os.Args[2]); err != nil {
		log.Fatal(err)
	}
}
