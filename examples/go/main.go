// A whole client: creates a container, deploys an image, shows its url, deletes it again. See the README for how its generated
// code is made.
//
//	go run . 127.0.0.1:50051 registry.example.com/team/app:1.4.2
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
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

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: go run . ADDRESS IMAGE")
	}
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
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
